//! Files that other processes may be looking at: whole or not at all.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a file could not be used for, and which one.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct Error {
    /// Such as "read" or "write".
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

impl Error {
    /// `action` failed on `path`; for `map_err`.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Writes `bytes` to `path` with the permission bits `mode`: into a new file beside it, which then
/// takes its place, so that a reader sees the old content or the new one. Folders are made as needed,
/// for this user alone.
///
/// # Errors
/// When the folder can't be made or written.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_folder(folder)?;
    let failed = |source| Error { action: "write", path: path.to_owned(), source };
    let mut file = tempfile::Builder::new()
        .prefix(".vmtools-")
        .make_in(folder, |temporary| {
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(temporary)
        })
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_data().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Makes the folder and those above it, with mode 0700 where they are new.
///
/// # Errors
/// When one of them can't be made.
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::at("make the folder", folder))
}

/// Waits until the names of the folder's files are on the disk, such as one that a file was given just now.
///
/// # Errors
/// When the folder can't be opened, or the disk fails.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at("write", folder))
}

/// A lock on `path` that is held until the value is dropped, or the process ends, however it ends.
/// Waits for it on a thread of its own.
///
/// # Errors
/// When the lock's file can't be made.
pub async fn lock(path: &Path) -> Result<Lock, Error> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let file = open_lock(&owned)?;
        file.lock().map_err(Error::at("lock", &owned))?;
        Ok(Lock { file })
    })
    .await
    .map_err(|error| Error {
        action: "lock",
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?
}

/// The same without waiting: `None` if another holds it.
///
/// # Errors
/// When the lock's file can't be made.
pub fn try_lock(path: &Path) -> Result<Option<Lock>, Error> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::at("lock", path)(error)),
    }
}

fn open_lock(path: &Path) -> Result<std::fs::File, Error> {
    if let Some(folder) = path.parent() {
        create_private_folder(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path);
    file.map_err(Error::at("open the lock", path))
}

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    file: std::fs::File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is just being started elsewhere in the program has the file
        // open, too, until it turns into its own program, and would hold the lock as long.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_lock_ends_when_it_is_dropped_though_a_process_just_started_has_its_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("lock");
        let held = try_lock(&path).expect("locks").expect("free");
        let of_a_child = held.file.try_clone().expect("a second descriptor of it");
        assert!(try_lock(&path).expect("asks").is_none());
        drop(held);
        assert!(try_lock(&path).expect("locks").is_some());
        drop(of_a_child);
    }

    #[test]
    fn the_mode_holds_and_no_temporary_stays() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a/b");
        write_atomically(&path, b"one", 0o600).expect("writes");
        write_atomically(&path, b"two", 0o600).expect("writes again");
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode() & 0o777;
        assert_eq!((std::fs::read(&path).expect("reads").as_slice(), mode), (&b"two"[..], 0o600));
        assert_eq!(std::fs::read_dir(folder.path().join("a")).expect("lists").count(), 1);
    }
}
