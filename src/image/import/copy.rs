use std::fs::File;
use std::io::{Error as IoError, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::SeekFrom;

use super::Original;
use crate::image::{Error, Progress, Transfer, file};
use crate::system::fs;

const CHUNK_BYTES: usize = 1 << 20;
/// What is copied at once.
const PIECE_BYTES: u64 = 8 << 20;

/// Copies the file as it is into `target`, which is empty. Where the file system can, the two share their
/// blocks; else holes stay holes. Blocks; ends early once it is `stopped`.
///
/// # Errors
/// When it can't be read or written, or is `stopped`.
pub(in crate::image) fn copy(
    original: &Original,
    target: &Path,
    progress: Option<&Progress>,
    stopped: &AtomicBool,
) -> Result<(), Error> {
    let (from, total_bytes) = (original.window.file(), original.window.len);
    let write_failed = |source| file::write_failed(target, source);
    let to = File::options().write(true).open(target).map_err(write_failed)?;
    if rustix::fs::ioctl_ficlone(&to, from).is_ok() {
        return Ok(());
    }
    let mut at = 0;
    while at < total_bytes {
        let data = next_data(from, at, total_bytes);
        at = data.start;
        while at < data.end {
            if stopped.load(Ordering::Relaxed) {
                return Err(fs::Error::at("write", target)(ErrorKind::Interrupted.into()).into());
            }
            let piece = at..data.end.min(at + PIECE_BYTES);
            at = piece.end;
            copy_piece(from, &to, piece).map_err(|fault| match fault {
                Fault::Read(source) => fs::Error::at("read the original of", target)(source).into(),
                Fault::Write(source) => write_failed(source),
            })?;
            if let Some(progress) = progress {
                progress(Transfer { done_bytes: at, total_bytes: Some(total_bytes) });
            }
        }
    }
    // A hole at the end.
    to.set_len(total_bytes).map_err(write_failed)
}

enum Fault {
    Read(IoError),
    Write(IoError),
}

/// By the kernel alone, and by way of this process where the kernel can't.
fn copy_piece(from: &File, to: &File, mut piece: Range<u64>) -> Result<(), Fault> {
    while piece.start < piece.end {
        let (mut read_at, mut write_at) = (piece.start, piece.start);
        let wanted = usize::try_from(piece.end - piece.start).unwrap_or(CHUNK_BYTES);
        match rustix::fs::copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), wanted) {
            Ok(0) | Err(_) => break,
            Ok(count) => piece.start += count as u64,
        }
    }
    let mut chunk = vec![0; if piece.is_empty() { 0 } else { CHUNK_BYTES }];
    while piece.start < piece.end {
        let wanted =
            usize::try_from(piece.end - piece.start).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
        let bytes = &mut chunk[..wanted];
        from.read_exact_at(bytes, piece.start).map_err(Fault::Read)?;
        to.write_all_at(bytes, piece.start).map_err(Fault::Write)?;
        piece.start += wanted as u64;
    }
    Ok(())
}

/// The next stretch that is no hole, at or after `at`; all the rest where the file system can't tell.
fn next_data(file: &File, at: u64, len: u64) -> Range<u64> {
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => {
            let start = start.min(len);
            let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(len);
            start..end.clamp(start, len)
        }
        Err(rustix::io::Errno::NXIO) => len..len,
        Err(_) => at..len,
    }
}
