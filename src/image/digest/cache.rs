use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::hash::{self, Hasher};
use crate::image::file::Stamp;
use crate::image::{Error, Progress, Transfer};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const CHUNK_BYTES: usize = 1 << 20;

/// Digests of files, remembered as long as the file stays what it was: a base image of some GiB is read
/// once, not at each create.
///
/// One small file an entry, each written as a whole, so that processes don't disturb each other.
#[derive(Debug, Clone)]
pub struct DigestCache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    digest: String,
}

impl DigestCache {
    /// The cache in `folder`, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The digest of the file at `path` (absolute): remembered, or by reading it on a thread of its own.
    /// Dropping the future stops the reading.
    ///
    /// # Errors
    /// When the file can't be read, or is written to meanwhile.
    pub async fn of_file(
        &self,
        path: &Path,
        algorithm: Algorithm,
        progress: Option<Progress>,
    ) -> Result<Digest, Error> {
        let stop = StopOnDrop::default();
        let (cache, path, stopped) = (self.clone(), path.to_owned(), stop.0.clone());
        tokio::task::spawn_blocking(move || {
            let stamp = Stamp::of(&path)?;
            if let Some(digest) = cache.recall(&stamp, algorithm) {
                return Ok(digest);
            }
            let digest = read(&path, algorithm, progress.as_ref(), &stopped)?;
            if Stamp::of(&path)? != stamp {
                return Err(Error::Changed { path });
            }
            cache.store(stamp, &digest);
            Ok(digest)
        })
        .await?
    }

    /// Remembers a digest that was computed while the file at `path` was written. Blocks.
    pub(in crate::image) fn remember(&self, path: &Path, digest: &Digest) {
        if let Ok(stamp) = Stamp::of(path) {
            self.store(stamp, digest);
        }
    }

    fn recall(&self, stamp: &Stamp, algorithm: Algorithm) -> Option<Digest> {
        let bytes = std::fs::read(self.entry_path(&stamp.path, algorithm)).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let digest: Digest = entry.digest.parse().ok()?;
        (entry.stamp == *stamp && digest.algorithm() == algorithm).then_some(digest)
    }

    /// A digest that can't be remembered is computed again: no failure.
    fn store(&self, stamp: Stamp, digest: &Digest) {
        let path = self.entry_path(&stamp.path, digest.algorithm());
        let entry = Entry { stamp, digest: digest.to_string() };
        let written = serde_json::to_vec(&entry)
            .map_err(|error| error.to_string())
            .and_then(|bytes| fs::write_atomically(&path, &bytes, 0o600).map_err(|error| error.to_string()));
        if let Err(error) = written {
            log::debug!("cannot cache a digest: {error}");
        }
    }

    fn entry_path(&self, path: &Path, algorithm: Algorithm) -> PathBuf {
        let name = hash::short_name(path.as_os_str().as_encoded_bytes());
        self.folder.join(format!("{name}.{}.json", algorithm.name()))
    }
}

/// Tells a thread that nobody waits for it any more.
#[derive(Default)]
pub(in crate::image) struct StopOnDrop(pub(in crate::image) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn read(
    path: &Path,
    algorithm: Algorithm,
    progress: Option<&Progress>,
    stopped: &AtomicBool,
) -> Result<Digest, Error> {
    let failed = |source| fs::Error::at("read", path)(source);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let total_bytes = file.metadata().map_err(failed)?.len();
    let mut hasher = Hasher::new(algorithm);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut done_bytes = 0;
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finish()?),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error).into()),
        };
        if stopped.load(Ordering::Relaxed) {
            return Err(failed(std::io::ErrorKind::Interrupted.into()).into());
        }
        hasher.update(&chunk[..count]);
        done_bytes += count as u64;
        if let Some(progress) = progress {
            progress(Transfer { done_bytes, total_bytes: Some(total_bytes) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn of_file(cache: &DigestCache, path: &Path, reads: &Arc<AtomicUsize>) -> Result<Digest, Error> {
        let reads = reads.clone();
        let progress: Progress = Arc::new(move |_| {
            reads.fetch_add(1, Ordering::Relaxed);
        });
        tokio::runtime::Builder::new_current_thread().build().expect("runtime").block_on(cache.of_file(
            path,
            Algorithm::Sha256,
            Some(progress),
        ))
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let folder = tempfile::tempdir().expect("folder");
        let cache = DigestCache::new(folder.path().join("digests"));
        let path = folder.path().join("image");
        std::fs::write(&path, b"one").expect("writes");
        let reads = Arc::new(AtomicUsize::new(0));
        let first = of_file(&cache, &path, &reads).expect("a digest");
        assert_eq!(of_file(&cache, &path, &reads).expect("a digest"), first);
        assert_eq!(reads.load(Ordering::Relaxed), 1);

        std::fs::write(&path, b"two").expect("writes");
        let second = of_file(&cache, &path, &reads).expect("a digest");
        assert_ne!(first, second);
        // The same length and the same modification time, but another file.
        let other = folder.path().join("other");
        std::fs::write(&other, b"six").expect("writes");
        let modified = std::fs::metadata(&path).expect("is there").modified().expect("time");
        let file = std::fs::File::options().write(true).open(&other).expect("opens");
        file.set_modified(modified).expect("sets");
        std::fs::rename(&other, &path).expect("renames");
        assert_ne!(of_file(&cache, &path, &reads).expect("a digest"), second);
    }

    #[test]
    fn a_damaged_entry_is_computed_again() {
        let folder = tempfile::tempdir().expect("folder");
        let cache = DigestCache::new(folder.path().join("digests"));
        let path = folder.path().join("image");
        std::fs::write(&path, b"abc").expect("writes");
        let reads = Arc::new(AtomicUsize::new(0));
        let digest = of_file(&cache, &path, &reads).expect("a digest");
        for entry in std::fs::read_dir(folder.path().join("digests")).expect("lists") {
            std::fs::write(entry.expect("entry").path(), b"{\"sta").expect("writes");
        }
        assert_eq!(of_file(&cache, &path, &reads).expect("a digest"), digest);
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let cache = DigestCache::new(folder.path().join("digests"));
        let result = of_file(&cache, &folder.path().join("no"), &Arc::default());
        assert!(matches!(result, Err(Error::File(_))));
    }
}
