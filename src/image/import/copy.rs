use std::path::PathBuf;
use std::sync::Arc;

use super::Original;
use crate::image::digest::StopOnDrop;
use crate::image::file::{self, CopyFault};
use crate::image::{Error, Progress};
use crate::system::fs;

/// Copies the original into `target`, which is empty. Dropping the future ends it.
///
/// # Errors
/// When it can't be read or written.
pub(in crate::image) async fn copy(
    original: Original,
    target: PathBuf,
    progress: Option<Progress>,
) -> Result<Original, Error> {
    let stop = StopOnDrop::default();
    let stopped = Arc::clone(&stop.0);
    tokio::task::spawn_blocking(move || {
        let failed = |source| file::write_failed(&target, source);
        let to = std::fs::File::options().write(true).open(&target).map_err(failed)?;
        match file::copy(original.window.file(), &to, progress.as_ref(), &stopped) {
            Ok(()) => Ok(original),
            Err(CopyFault::Write(source)) => Err(failed(source)),
            Err(CopyFault::Read(source)) => {
                Err(fs::Error::at("read the original of", &target)(source).into())
            }
            Err(CopyFault::Stopped) => {
                Err(fs::Error::at("write", &target)(std::io::ErrorKind::Interrupted.into()).into())
            }
        }
    })
    .await?
}
