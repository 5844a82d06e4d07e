//! How long each test takes, for `./build.sh test --timings`: stable Rust's own harness does not tell.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// The file that `MILLISECONDS TEST` is added to, a line for each measurement.
const FILE: &str = "VMTOOLS_TEST_TIMINGS";

thread_local! {
    /// Whether a stopwatch runs for this thread's test: a second environment counts as part of the first.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Measures from its start to its drop, and belongs to what a test has from its first to its last line. A test with
/// several environments one after the other has as many lines, which the reader adds up.
pub struct Stopwatch(Option<(PathBuf, String, Instant)>);

impl Stopwatch {
    /// Starts, if timings are asked for and the test has no other stopwatch running.
    pub fn start() -> Self {
        let file = std::env::var_os(FILE).filter(|_| !RUNNING.replace(true));
        let test = std::thread::current().name().unwrap_or("?").to_owned();
        Self(file.map(|file| (file.into(), test, Instant::now())))
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let Some((file, test, start)) = self.0.take() else { return };
        RUNNING.set(false);
        // One write each: lines of tests that end at the same time stay whole.
        let line = format!("{} {test}\n", start.elapsed().as_millis());
        let file = OpenOptions::new().create(true).append(true).open(file);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
