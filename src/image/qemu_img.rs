//! What qemu-img's English means: the one place that reads it. Its texts are those of QEMU's block layer, which
//! has no codes for them (util/error.c, block/file-posix.c).

use crate::system::process;

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
