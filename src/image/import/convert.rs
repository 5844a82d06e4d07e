use std::os::fd::AsRawFd;
use std::path::Path;

use serde_json::json;

use super::Original;
use crate::image::qemu_img::{self, Reason};
use crate::image::{Error, Progress, file};

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
    let args = [source(original).into(), target.into()];
    let converted = qemu_img::convert(args, original.virtual_size_bytes, progress).await;
    converted.map_err(|source| match qemu_img::reason(&source) {
        Reason::NoSpace => file::write_failed(target, std::io::ErrorKind::StorageFull.into()),
        Reason::Locked => original.in_use(),
        Reason::Other => Error::Convert { name: name.to_owned(), source },
    })
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
