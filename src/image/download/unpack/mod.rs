//! Packed images, unpacked while they come, on a thread of their own.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::Limits;
use crate::image::file::{self, SparseFile, remove_file};
use crate::image::{Error, Hasher};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

/// How many bytes tell how a file is packed.
pub(super) const MAGIC_BYTES: usize = 6;
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that may wait for the unpacker.
const QUEUE: usize = 16;
/// xz's own strongest preset needs 65 MiB to unpack.
const XZ_MEMORY_BYTES: u64 = 256 << 20;

/// A way to pack a single file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Xz,
    Gzip,
    Zstd,
    Bzip2,
}

impl Packing {
    /// How a file is packed that begins with `bytes`; `None`: it isn't.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Packing); 4] = [
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x1f\x8b", Packing::Gzip),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
            (b"BZh", Packing::Bzip2),
        ];
        MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, packing)| *packing)
    }

    /// Reads what `packed` holds, of files that were put behind each other too.
    fn reader(self, packed: ChunkReader) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(BufReader::new(packed), stream))
            }
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(packed)?),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(packed)),
        })
    }
}

/// A file in the making; dropped before its end, it is removed.
pub(super) struct Unpacker {
    path: PathBuf,
    chunks: Option<SyncSender<Vec<u8>>>,
    fed_bytes: Arc<AtomicU64>,
    worker: Option<JoinHandle<Result<Digest, Error>>>,
}

impl Unpacker {
    /// Begins the file at `path` anew. `packed_bytes` is how much there is to unpack, where that is known;
    /// `name` is for messages.
    pub(super) fn start(
        packing: Packing,
        path: PathBuf,
        name: &str,
        packed_bytes: Option<u64>,
        limits: Limits,
    ) -> Result<Self, Error> {
        remove_file(&path)?;
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| file::write_failed(&path, error))?;
        let fed_bytes = Arc::new(AtomicU64::new(packed_bytes.unwrap_or(0)));
        let (chunks, receiver) = sync_channel(QUEUE);
        let work =
            Work { name: name.to_owned(), path: path.clone(), packed_bytes: Arc::clone(&fed_bytes), limits };
        let worker = std::thread::spawn(move || work.run(packing, receiver, file));
        Ok(Self { path, chunks: Some(chunks), fed_bytes, worker: Some(worker) })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they, or those before them, can't be unpacked.
    pub(super) fn feed(&mut self, bytes: &[u8], received_bytes: u64) -> Result<(), Error> {
        self.fed_bytes.fetch_max(received_bytes, Ordering::Relaxed);
        let sent = self.chunks.as_ref().is_some_and(|chunks| chunks.send(bytes.to_vec()).is_ok());
        // It ends early only when it failed.
        if sent { Ok(()) } else { self.join().map(|_| ()) }
    }

    /// Waits for the end: the unpacked file, and its SHA-256. The file is the caller's then.
    ///
    /// # Errors
    /// When it can't be unpacked.
    pub(super) fn finish(mut self) -> Result<(PathBuf, Digest), Error> {
        let digest = self.join()?;
        Ok((std::mem::take(&mut self.path), digest))
    }

    fn join(&mut self) -> Result<Digest, Error> {
        self.chunks = None;
        match self.worker.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(fs::Error::at("unpack", &self.path)(io::ErrorKind::Other.into()).into()),
        }
    }
}

impl Drop for Unpacker {
    fn drop(&mut self) {
        self.chunks = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
        if !self.path.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What the thread needs to know.
struct Work {
    name: String,
    path: PathBuf,
    packed_bytes: Arc<AtomicU64>,
    limits: Limits,
}

impl Work {
    fn run(&self, packing: Packing, chunks: Receiver<Vec<u8>>, file: File) -> Result<Digest, Error> {
        let damaged = |source| Error::Unpack { name: self.name.clone(), source };
        let mut reader = packing.reader(ChunkReader::new(chunks)).map_err(damaged)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut to = SparseFile::new(file);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(error)),
            };
            hasher.update(&chunk[..count]);
            to.write(&chunk[..count]).map_err(|error| file::write_failed(&self.path, error))?;
            self.check_size(to.len())?;
        }
        to.finish().map_err(|error| file::write_failed(&self.path, error))?;
        Ok(hasher.finish()?)
    }

    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        let Limits { max_image_bytes, max_unpack_ratio, unpack_allowance_bytes, .. } = self.limits;
        let by_ratio = self.packed_bytes.load(Ordering::Relaxed).saturating_mul(max_unpack_ratio);
        let limit_bytes = by_ratio.saturating_add(unpack_allowance_bytes).min(max_image_bytes);
        if bytes <= limit_bytes {
            return Ok(());
        }
        Err(Error::UnpackedTooLarge { name: self.name.clone(), limit_bytes })
    }
}

/// Reads what comes through the channel; its other side's end is the end.
struct ChunkReader {
    receiver: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl ChunkReader {
    fn new(receiver: Receiver<Vec<u8>>) -> Self {
        Self { receiver, chunk: Vec::new(), at: 0 }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            let Ok(next) = self.receiver.recv() else { return Ok(0) };
            (self.chunk, self.at) = (next, 0);
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The place of an unpacked file, beside the packed one at `partial`.
pub(super) fn place_beside(partial: &Path) -> PathBuf {
    partial.with_extension("unpacked")
}

#[cfg(test)]
mod tests;
