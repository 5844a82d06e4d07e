//! Writing images: room, holes, and what a failure means.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::image::Error;
use crate::system::fs;

/// Zeros are looked for in blocks of this size, which file systems can leave out.
const BLOCK_BYTES: usize = 64 * 1024;

/// A file that is written from its begin to its end, and has holes where all is zero.
pub(in crate::image) struct SparseFile {
    file: File,
    at: u64,
}

impl SparseFile {
    /// `file` has to be empty.
    pub(in crate::image) fn new(file: File) -> Self {
        Self { file, at: 0 }
    }

    /// Holes count.
    pub(in crate::image) fn len(&self) -> u64 {
        self.at
    }

    pub(in crate::image) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        for block in bytes.chunks(BLOCK_BYTES) {
            if block.iter().any(|byte| *byte != 0) {
                self.file.write_all_at(block, self.at)?;
            }
            self.at += block.len() as u64;
        }
        Ok(())
    }

    /// Gives the file its size, a hole at the end included, and waits until it is on the disk.
    pub(in crate::image) fn finish(self) -> std::io::Result<()> {
        self.file.set_len(self.at)?;
        self.file.sync_data()
    }
}

/// A new file at `path`; what lies there goes.
pub(in crate::image) fn create(path: &Path) -> Result<File, Error> {
    remove_file(path)?;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| write_failed(path, error))
}

/// Removes the file, if there is one.
pub(in crate::image) fn remove_file(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(fs::Error::at("remove", path)(error).into())
        }
        _ => Ok(()),
    }
}

/// # Errors
/// [`Error::DiskFull`] if `folder` has less room than is needed.
pub(in crate::image) fn check_room(folder: &Path, needed_bytes: Option<u64>) -> Result<(), Error> {
    let available_bytes = available(folder)?;
    match needed_bytes {
        Some(needed) if needed > available_bytes => {
            Err(Error::DiskFull { folder: folder.to_owned(), needed_bytes, available_bytes })
        }
        _ => Ok(()),
    }
}

/// What it means that `path` can't be written.
pub(in crate::image) fn write_failed(path: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let folder = path.parent().unwrap_or(Path::new("."));
    match error.kind() {
        StorageFull | QuotaExceeded => Error::DiskFull {
            folder: folder.to_owned(),
            needed_bytes: None,
            available_bytes: available(folder).unwrap_or(0),
        },
        _ => fs::Error::at("write", path)(error).into(),
    }
}

fn available(folder: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(folder)
        .map_err(|error| fs::Error::at("determine the free space of", folder)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn zeros_are_holes_and_count() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("image");
        let mut file = SparseFile::new(File::create(&path).expect("makes"));
        let content = [vec![1; 1000], vec![0; 8 << 20], vec![2; 1000], vec![0; 8 << 20]].concat();
        content.chunks(300_000).for_each(|chunk| file.write(chunk).expect("writes"));
        assert_eq!(file.len(), content.len() as u64);
        file.finish().expect("ends");
        assert_eq!(std::fs::read(&path).expect("reads"), content);
        let taken = std::fs::metadata(&path).expect("is there").blocks() * 512;
        assert!(taken < 4 << 20, "{taken}");
    }

    #[test]
    fn room_is_told() {
        let folder = tempfile::tempdir().expect("folder");
        check_room(folder.path(), Some(1)).expect("room");
        let full = check_room(folder.path(), Some(u64::MAX));
        assert!(matches!(full, Err(Error::DiskFull { needed_bytes: Some(u64::MAX), .. })));
    }
}
