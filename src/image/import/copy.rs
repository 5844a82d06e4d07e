use std::fs::File;
use std::io::{Error as IoError, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::fs::SeekFrom;

use super::Original;
use crate::image::{Error, Hasher, Progress, Transfer, disk};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const CHUNK_BYTES: usize = 1 << 20;
/// What is copied at once.
const PIECE_BYTES: u64 = 8 << 20;
static ZEROES: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];

/// Copies the file as it is into `target`, which is empty, and tells the SHA-256 of what is there then. Where
/// the file system can, the two share their blocks; else holes stay holes. What was copied is hashed while the
/// rest is copied and goes to the disk. Blocks; ends early once it is `stopped`.
///
/// # Errors
/// When it can't be read or written, or is `stopped`.
pub(in crate::image) fn copy(
    original: &Original,
    target: &Path,
    progress: Option<&Progress>,
    stopped: &AtomicBool,
) -> Result<Digest, Error> {
    let to = File::options().read(true).write(true).open(target);
    let to = to.map_err(|source| disk::write_failed(target, source))?;
    let (ready, pieces) = channel();
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| hash(&to, pieces, original.window.len, stopped));
        // Its end of the channel closes with it, so that the hashing ends too.
        copy_pieces(original, &to, target, progress, stopped, ready)?;
        to.sync_data().map_err(|source| disk::write_failed(target, source))?;
        let hashed = hashing.join().unwrap_or_else(|_| Err(ErrorKind::Other.into()));
        Ok(hashed.map_err(fs::Error::at("read", target))?.finish()?)
    })
}

fn copy_pieces(
    original: &Original,
    to: &File,
    target: &Path,
    progress: Option<&Progress>,
    stopped: &AtomicBool,
    ready: Sender<Range<u64>>,
) -> Result<(), Error> {
    let (from, total_bytes) = (original.window.file(), original.window.len);
    let cloned = rustix::fs::ioctl_ficlone(to, from).is_ok();
    let mut at = 0;
    while at < total_bytes {
        let data = next_data(from, at, total_bytes);
        at = data.start;
        while at < data.end {
            if stopped.load(Ordering::Relaxed) {
                return Err(fs::Error::at("write", target)(ErrorKind::Interrupted.into()).into());
            }
            let piece = at..data.end.min(at + PIECE_BYTES);
            if !cloned {
                copy_piece(from, to, piece.clone()).map_err(|fault| match fault {
                    Fault::Read(source) => fs::Error::at("read the original of", target)(source).into(),
                    Fault::Write(source) => disk::write_failed(target, source),
                })?;
            }
            at = piece.end;
            // Nobody takes it only when the hashing has failed, which is told at the end.
            let _ = ready.send(piece);
            if let Some(progress) = progress {
                progress(Transfer { done_bytes: at, total_bytes: Some(total_bytes) });
            }
        }
    }
    // A hole at the end.
    to.set_len(total_bytes).map_err(|source| disk::write_failed(target, source))
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

/// The hash of a file of `len` bytes that has these pieces, and holes between them.
fn hash(
    file: &File,
    pieces: Receiver<Range<u64>>,
    len: u64,
    stopped: &AtomicBool,
) -> Result<Hasher, IoError> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    for piece in pieces.into_iter().chain(std::iter::once(len..len)) {
        hash_hole(&mut hasher, piece.start - at);
        at = piece.start;
        while at < piece.end {
            if stopped.load(Ordering::Relaxed) {
                return Err(ErrorKind::Interrupted.into());
            }
            let wanted = usize::try_from(piece.end - at).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
            file.read_exact_at(&mut chunk[..wanted], at)?;
            hasher.update(&chunk[..wanted]);
            at += wanted as u64;
        }
    }
    Ok(hasher)
}

fn hash_hole(hasher: &mut Hasher, mut bytes: u64) {
    while bytes > 0 {
        let piece = bytes.min(CHUNK_BYTES as u64);
        hasher.update(&ZEROES[..usize::try_from(piece).unwrap_or(CHUNK_BYTES)]);
        bytes -= piece;
    }
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
