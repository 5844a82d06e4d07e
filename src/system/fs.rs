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
    /// The file or directory.
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

/// The beginning of the names of files that are to take another's place.
const TEMPORARY: &str = ".vmtools-";

/// Writes `bytes` to `path` with the permission bits `mode`: into a new file beside it, which then
/// takes its place, so that a reader sees the old content or the new one. Directories are made as needed,
/// for this user alone. Killed in between it leaves the new file: see [`abandoned_temporaries`].
///
/// # Errors
/// When the directory can't be made or written.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_folder(folder)?;
    let failed = |source| Error { action: "write", path: path.to_owned(), source };
    let mut file = temporary_in(folder, mode).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_data().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A file without a name in the directory for temporary files (`TMPDIR`), gone with this process.
///
/// # Errors
/// When the directory is missing, full or can't be written.
pub fn temporary_file() -> Result<std::fs::File, Error> {
    tempfile::tempfile_in(std::env::temp_dir()).map_err(temporary_failed)
}

/// That a temporary file could not be used.
pub fn temporary_failed(source: std::io::Error) -> Error {
    Error { action: "use a temporary file in", path: std::env::temp_dir(), source }
}

/// A new file in the directory that is to take another's place. It is locked while it is written, so that nobody takes
/// it for one that a killed process left; dropped, it is gone.
///
/// # Errors
/// When the directory can't be written.
pub fn temporary_in(folder: &Path, mode: u32) -> std::io::Result<tempfile::NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(TEMPORARY).make_in(folder, |path| {
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
        })?;
        // Between the two it may be taken for one that was left, and be removed.
        match file.as_file().try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => {}
            // Where there are no locks, nobody can tell either that it was left.
            Err(std::fs::TryLockError::Error(_)) => return Ok(file),
            Ok(()) if is_at(file.as_file(), file.path()) => return Ok(file),
            Ok(()) => {}
        }
    }
}

/// The files in `folder` and the directories below it, `depth` deep, that were to take another's place and that a
/// killed process has left. What can't be read has none.
pub fn abandoned_temporaries(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            found.extend(abandoned_temporaries(&entry.path(), depth - 1));
        } else if kind.is_file()
            && entry.file_name().to_string_lossy().starts_with(TEMPORARY)
            && lock_abandoned(&entry.path()).is_some()
        {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Removes what [`abandoned_temporaries`] found, unless it is gone, or somebody's, by now.
///
/// # Errors
/// When it can't be removed.
pub fn remove_temporary(path: &Path) -> Result<(), Error> {
    match lock_abandoned(path) {
        Some(_locked) => std::fs::remove_file(path).map_err(Error::at("remove", path)),
        None => Ok(()),
    }
}

/// The file, locked until it is dropped, if there is one there that nobody writes.
fn lock_abandoned(path: &Path) -> Option<std::fs::File> {
    let file = std::fs::File::open(path).ok()?;
    file.try_lock().ok()?;
    is_at(&file, path).then_some(file)
}

/// Makes the directory and those above it, with mode 0700 where they are new.
///
/// # Errors
/// When one of them can't be made.
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::at("create the directory", folder))
}

/// Waits until the names of the directory's files are on the disk, such as one that a file was given just now.
///
/// # Errors
/// When the directory can't be opened, or the disk fails.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at("write", folder))
}

/// Holds `path` alone, for as long as the value lives: waits for it on a thread of its own.
///
/// # Errors
/// When its file can't be made.
pub async fn lock(path: &Path) -> Result<LockGuard, Error> {
    let owned = path.to_owned();
    let wait = move || loop {
        let file = open_lock(&owned)?;
        file.lock().map_err(Error::at("lock", &owned))?;
        // Whoever had it before has removed the file: then this lock is on nothing.
        if is_at(&file, &owned) {
            return Ok(LockGuard { file, path: owned });
        }
    };
    tokio::task::spawn_blocking(wait).await.map_err(|error| Error {
        action: "lock",
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?
}

/// The same without waiting: `None` if another holds it.
///
/// # Errors
/// When its file can't be made.
pub fn try_lock(path: &Path) -> Result<Option<LockGuard>, Error> {
    if let Some(folder) = path.parent() {
        create_private_folder(folder)?;
    }
    try_hold(path, LockMode::Exclusive)
}

fn open_lock(path: &Path) -> Result<std::fs::File, Error> {
    if let Some(folder) = path.parent() {
        create_private_folder(folder)?;
    }
    open_held(path)
}

/// Whether others may hold the same lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// By any number at the same time, while nobody holds it exclusively.
    Shared,
    /// By one alone.
    Exclusive,
}

/// A name that is held until the value is dropped, or the process ends, however it ends. The file that stands
/// for it is there only while somebody holds it, but for what a killed process leaves: [`sweep_held`].
#[derive(Debug)]
pub struct LockGuard {
    file: std::fs::File,
    path: PathBuf,
}

/// Holds `path` without waiting: `None` if another's hold excludes this one. Its directory has to be there. The
/// file is for this user and the directory's group, so that a directory with the set-group-ID bit is shared by them.
///
/// # Errors
/// When the file can't be made or opened.
pub fn try_hold(path: &Path, hold: LockMode) -> Result<Option<LockGuard>, Error> {
    loop {
        let file = open_held(path)?;
        let locked = match hold {
            LockMode::Shared => file.try_lock_shared(),
            LockMode::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(Error::at("lock", path)(error)),
        }
        // Who held it before may have removed the file between the two: then this lock is on nothing.
        if is_at(&file, path) {
            return Ok(Some(LockGuard { file, path: path.to_owned() }));
        }
    }
}

/// Removes the files of a directory whose names end with `ending` and that nobody holds; gives their paths.
pub fn sweep_held(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let ours = entries.filter(|path| path.to_string_lossy().ends_with(ending));
    // Dropped, the hold takes its file along.
    ours.filter(|path| matches!(try_hold(path, LockMode::Exclusive), Ok(Some(_)))).collect()
}

fn open_held(path: &Path) -> Result<std::fs::File, Error> {
    let mut options = std::fs::OpenOptions::new();
    match options.create(true).truncate(false).write(true).mode(0o660).open(path) {
        // Another user's, made under a umask that leaves the group the right to read: enough to lock it.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => std::fs::File::open(path),
        other => other,
    }
    .map_err(Error::at("open the lock", path))
}

fn is_at(file: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(found)) => identity(held) == identity(found),
        _ => false,
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is just being started elsewhere in the program has the file open,
        // too, until it turns into its own program, and would hold the lock as long.
        // The last to go removes the file. It is removed under an exclusive lock, so whoever opened it before
        // finds it gone after locking it, and begins anew.
        let _ = self.file.unlock();
        if matches!(self.file.try_lock(), Ok(())) && is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
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
        assert!(!path.exists());
        assert!(try_lock(&path).expect("locks").is_some());
        drop(of_a_child);
    }

    #[tokio::test]
    async fn who_waits_for_a_lock_gets_it_though_its_file_goes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("lock");
        for _ in 0..50 {
            let held = lock(&path).await.expect("locks");
            let (waits, more) = (lock(&path), lock(&path));
            let others = async {
                let (one, other) = tokio::join!(async { drop(waits.await) }, async { drop(more.await) });
                (one, other)
            };
            tokio::join!(others, async { drop(held) });
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_a_killed_process_was_writing_is_found_and_what_is_written_is_not() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).expect("makes");
        let left = below.join(".vmtools-left");
        std::fs::write(&left, "half").expect("writes");
        std::fs::write(below.join("other"), "").expect("writes");
        let written = temporary_in(&below, 0o600).expect("makes");
        assert_eq!(abandoned_temporaries(folder.path(), 2), std::slice::from_ref(&left));
        assert!(abandoned_temporaries(folder.path(), 1).is_empty());
        remove_temporary(written.path()).expect("leaves it");
        remove_temporary(&left).expect("removes");
        remove_temporary(&left).expect("is gone");
        assert!(written.path().exists() && !left.exists());
    }

    #[test]
    fn a_write_beside_a_sweep_is_whole() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let ended = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                    for found in abandoned_temporaries(folder.path(), 0) {
                        remove_temporary(&found).expect("removes");
                    }
                }
            });
            for number in 0..300 {
                let path = folder.path().join("file");
                write_atomically(&path, format!("{number}").as_bytes(), 0o600).expect("writes");
                assert_eq!(std::fs::read_to_string(&path).expect("reads"), format!("{number}"));
            }
            ended.store(true, std::sync::atomic::Ordering::SeqCst);
        });
    }

    #[test]
    fn shared_holds_exclude_only_an_exclusive_one_and_no_file_stays() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("vm.lock");
        let hold = |how| try_hold(&path, how).expect("asks");
        let (one, other) = (hold(LockMode::Shared), hold(LockMode::Shared));
        assert!(one.is_some() && other.is_some() && hold(LockMode::Exclusive).is_none());
        drop(one);
        assert!(hold(LockMode::Exclusive).is_none() && path.exists());
        drop(other);
        assert!(!path.exists());
        let alone = hold(LockMode::Exclusive);
        assert!(alone.is_some() && hold(LockMode::Shared).is_none());
        drop(alone);
        assert!(!path.exists());
    }

    #[test]
    fn of_many_at_once_one_holds_at_a_time() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("vm.lock");
        let inside = std::sync::atomic::AtomicU32::new(0);
        let work = || {
            for _ in 0..200 {
                if let Some(held) = try_hold(&path, LockMode::Exclusive).expect("asks") {
                    assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    drop(held);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_held_is_not() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (left, held) = (folder.path().join("a.lock"), folder.path().join("b.lock"));
        std::fs::write(&left, "").expect("writes");
        std::fs::write(folder.path().join("other"), "").expect("writes");
        let hold = try_hold(&held, LockMode::Shared).expect("asks").expect("free");
        assert_eq!(sweep_held(folder.path(), ".lock"), [left]);
        assert!(held.exists() && folder.path().join("other").exists());
        drop(hold);
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
