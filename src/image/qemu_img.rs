//! qemu-img's conversions, and what its English means: the one place that reads it. Its texts are those of QEMU's block
//! layer, which has no codes for them (util/error.c, block/file-posix.c).

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{Progress, Transfer};
use crate::system::process::{self, Invocation};

/// Slower than any disk that is not about to fail.
const LEAST_BYTES_PER_SECOND: u64 = 5_000_000;

/// Runs `convert` with these arguments, which end with the source and the target, to a sparse qcow2. `size` is what has
/// to be read, in bytes. Dropping the future ends it.
///
/// # Errors
/// When it fails: see [`reason`].
pub(super) async fn convert(
    args: impl IntoIterator<Item = OsString>,
    size: u64,
    progress: Option<&Progress>,
) -> Result<(), process::Error> {
    let run = Invocation::new("qemu-img", Duration::from_secs(60 + size / LEAST_BYTES_PER_SECOND))
        // Its progress, on standard output.
        .args(["convert", "-p", "-O", "qcow2"])
        .args(args);
    let report = |bytes: &[u8]| {
        if let (Some(progress), Some(percent)) = (progress, percent(bytes)) {
            let done_bytes = (size as f64 * percent / 100.0) as u64;
            progress(Transfer { done_bytes: done_bytes.min(size), total_bytes: Some(size) });
        }
    };
    run.output_with(report).await.map(drop)
}

/// Removes a bitmap from the qcow2 file, unless it has none of that name.
///
/// # Errors
/// When the file can't be written to.
pub async fn remove_bitmap(path: &Path, bitmap: &str) -> Result<(), super::Error> {
    let run =
        Invocation::new("qemu-img", Duration::from_secs(60)).args(["bitmap", "--remove", "-f", "qcow2"]);
    match run.arg(path).arg(bitmap).output().await {
        Ok(_) => Ok(()),
        Err(process::Error::Failed(failure)) if failure.stderr.contains("not found") => Ok(()),
        Err(source) => Err(super::Error::Convert { name: path.display().to_string(), source }),
    }
}

/// The last number in `    (12.34/100%)`, which qemu-img prints over and over.
fn percent(bytes: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(bytes);
    let (before, _) = text.rsplit_once("/100%)")?;
    before.rsplit_once('(')?.1.trim().parse().ok()
}

/// Why qemu-img failed, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The target's file system is full, or a quota is.
    NoSpace,
    /// Another QEMU has the file open in a way that forbids this.
    Locked,
    /// Something else.
    Other,
}

/// What it means that qemu-img failed so.
pub(super) fn reason(error: &process::Error) -> Reason {
    let process::Error::Failed(failure) = error else { return Reason::Other };
    let says = |text: &str| failure.stderr.contains(text);
    if says("No space left on device") || says("Disk quota exceeded") {
        Reason::NoSpace
    } else if says("Failed to get shared \"") || says("Failed to get \"") {
        Reason::Locked
    } else {
        Reason::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> process::Error {
        process::Error::Failed(process::Failure {
            command: "qemu-img".into(),
            status: Some(1),
            signal: None,
            stdout: String::new(),
            stderr: stderr.into(),
        })
    }

    #[test]
    fn progress_from_recorded_output() {
        // qemu-img 10.0.2: `convert -p`
        assert_eq!(percent(b"    (0.00/100%)\r    (3.15/100%)\r"), Some(3.15));
        assert_eq!(percent(b"    (100.00/100%)\r\n"), Some(100.0));
        assert_eq!(percent(b"    (5"), None);
    }

    #[test]
    fn recorded_texts() {
        // qemu-img 10.0.2.
        for (text, expected) in [
            ("qemu-img: error while writing at byte 0: No space left on device\n", Reason::NoSpace),
            (
                "qemu-img: Could not open 'a': Failed to get shared \"write\" lock\nIs another process using the image [a]?\n",
                Reason::Locked,
            ),
            (
                "qemu-img: a: Failed to get \"write\" lock\nIs another process using the image [a]?\n",
                Reason::Locked,
            ),
            ("qemu-img: Could not open 'a': Image is not in qcow2 format\n", Reason::Other),
        ] {
            assert_eq!(reason(&failed(text)), expected, "{text}");
        }
        assert_eq!(reason(&process::Error::Missing { program: "qemu-img".into() }), Reason::Other);
    }
}
