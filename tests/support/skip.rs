//! Tests that cannot run here say so, and count as failed where nothing may be skipped.

use std::fmt;

/// Why a test cannot run on this machine: no root, no libvirtd, a package that is not there.
#[derive(Debug)]
pub struct Skip(pub String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Skip {
    /// Prints `skipped: TEST: REASON`.
    ///
    /// # Panics
    /// With `VMTOOLS_TEST_NO_SKIP=1` in the environment, where a skip is a failure.
    pub fn report(&self) {
        let thread = std::thread::current();
        let line = format!("skipped: {}: {self}", thread.name().unwrap_or("?"));
        if std::env::var_os("VMTOOLS_TEST_NO_SKIP").is_some_and(|value| value == "1") {
            panic!("{line}");
        }
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
    }
}

/// The value, or the end of the test with the reason printed.
macro_rules! sandbox_or_skip {
    ($made:expr) => {
        match $made {
            Ok(made) => made,
            Err(skip) => {
                $crate::support::Skip::report(&skip);
                return;
            }
        }
    };
}
pub(crate) use sandbox_or_skip;
