use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Original;
use crate::image::qemu_img::{self, Reason};
use crate::image::{Error, Progress, Transfer, file};
use crate::system::process::Invocation;

/// Slower than any disk that is not about to fail.
const LEAST_BYTES_PER_SECOND: u64 = 5_000_000;

/// Writes the disk into `target` as a sparse qcow2. `name` is the original's, for messages. Dropping the
/// future ends it.
///
/// # Errors
/// [`Error::Convert`], [`Error::DiskFull`].
pub(in crate::image) async fn convert(
    original: &Original,
    name: &str,
    target: &Path,
    progress: Option<&Progress>,
) -> Result<(), Error> {
    let size = original.virtual_size_bytes;
    let run = Invocation::new("qemu-img", Duration::from_secs(60 + size / LEAST_BYTES_PER_SECOND))
        // Its progress, on standard output.
        .args(["convert", "-p", "-O", "qcow2"])
        .arg(source(original))
        .arg(target);
    let report = |bytes: &[u8]| {
        if let (Some(progress), Some(percent)) = (progress, percent(bytes)) {
            let done_bytes = (size as f64 * percent / 100.0) as u64;
            progress(Transfer { done_bytes: done_bytes.min(size), total_bytes: Some(size) });
        }
    };
    match run.output_with(report).await {
        Ok(_) => Ok(()),
        Err(source) => Err(match qemu_img::reason(&source) {
            Reason::NoSpace => file::write_failed(target, std::io::ErrorKind::StorageFull.into()),
            Reason::Locked => original.in_use(),
            Reason::Other => Error::Convert { name: name.to_owned(), source },
        }),
    }
}

/// The original as QEMU's block layer is given it: by its open file, so that it is the one that was
/// judged; of a format that is not guessed; and without looking for a backing file.
fn source(original: &Original) -> String {
    let window = &original.window;
    let path = format!("/proc/{}/fd/{}", std::process::id(), window.file().as_raw_fd());
    let file = json!({"driver": "file", "filename": path});
    let file = match window.start {
        0 => file,
        start => json!({"driver": "raw", "offset": start, "size": window.len, "file": file}),
    };
    format!("json:{}", json!({"driver": original.format.driver(), "backing": null, "file": file}))
}

/// The last number in `    (12.34/100%)`, which qemu-img prints over and over.
fn percent(bytes: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(bytes);
    let (before, _) = text.rsplit_once("/100%)")?;
    before.rsplit_once('(')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_from_recorded_output() {
        // qemu-img 10.0.2: `convert -p`
        assert_eq!(percent(b"    (0.00/100%)\r    (3.15/100%)\r"), Some(3.15));
        assert_eq!(percent(b"    (100.00/100%)\r\n"), Some(100.0));
        assert_eq!(percent(b"    (5"), None);
    }
}
