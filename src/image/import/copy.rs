use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::SeekFrom;

use super::Original;
use crate::image::{Error, Hasher, Progress, Transfer, download};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const CHUNK_BYTES: usize = 1 << 20;
static ZEROES: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];

/// Copies the file as it is into `target`, which is empty, and tells its SHA-256. Where the file system
/// can, the two share their blocks; else holes stay holes. Blocks; ends early once it is `stopped`.
///
/// # Errors
/// When it can't be read or written, or is `stopped`.
pub(in crate::image) fn copy(
    original: &Original,
    target: &Path,
    progress: Option<&Progress>,
    stopped: &AtomicBool,
) -> Result<Digest, Error> {
    let from = original.window.file();
    let read_failed = |source| Error::from(fs::Error::at("read the original of", target)(source));
    let write_failed = |source| download::write_failed(target, source);
    let to = File::options().write(true).open(target).map_err(write_failed)?;
    let cloned = rustix::fs::ioctl_ficlone(&to, from).is_ok();
    let total_bytes = original.window.len;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < total_bytes {
        let (start, end) = next_data(from, at, total_bytes);
        hash_hole(&mut hasher, start - at);
        at = start;
        while at < end {
            if stopped.load(Ordering::Relaxed) {
                return Err(read_failed(std::io::ErrorKind::Interrupted.into()));
            }
            let wanted = usize::try_from(end - at).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
            let piece = &mut chunk[..wanted];
            from.read_exact_at(piece, at).map_err(read_failed)?;
            hasher.update(piece);
            if !cloned {
                to.write_all_at(piece, at).map_err(write_failed)?;
            }
            at += wanted as u64;
            if let Some(progress) = progress {
                progress(Transfer { done_bytes: at, total_bytes: Some(total_bytes) });
            }
        }
    }
    to.set_len(total_bytes).map_err(write_failed)?;
    Ok(hasher.finish()?)
}

/// The next stretch that is no hole, at or after `at`; all the rest where the file system can't tell.
fn next_data(file: &File, at: u64, len: u64) -> (u64, u64) {
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => {
            let start = start.min(len);
            let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(len);
            (start, end.clamp(start, len))
        }
        Err(rustix::io::Errno::NXIO) => (len, len),
        Err(_) => (at, len),
    }
}

fn hash_hole(hasher: &mut Hasher, mut bytes: u64) {
    while bytes > 0 {
        let piece = bytes.min(CHUNK_BYTES as u64);
        hasher.update(&ZEROES[..usize::try_from(piece).unwrap_or(CHUNK_BYTES)]);
        bytes -= piece;
    }
}
