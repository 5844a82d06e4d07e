//! This host's side of a copy.

use std::fs::{File, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::{NamedTempFile, TempDir};
use tokio::io::AsyncRead;

use super::{CopyPlace, last_name};
use crate::manager::{CopyError, Error};

/// What is copied into a guest.
pub(in crate::manager) struct Source {
    /// Its bytes: of a directory a tar archive with all that is in it below `d`.
    pub(in crate::manager) input: Box<dyn AsyncRead + Unpin>,
    /// Its name.
    pub(in crate::manager) name: String,
    /// Whether it is a directory.
    pub(in crate::manager) folder: bool,
    /// The bytes there are, if that is known.
    pub(in crate::manager) size: Option<u64>,
    /// The permission bits and the time of the last change of a file.
    pub(in crate::manager) attributes: Option<(u32, u64)>,
}

impl Source {
    pub(in crate::manager) async fn open(place: &CopyPlace, recursive: bool) -> Result<Self, Error> {
        let CopyPlace::Host(path) = place else {
            let input = Box::new(tokio::io::stdin());
            // There is no name for it: the path in the guest has to be one.
            return Ok(Self { input, name: "stdin".into(), folder: false, size: None, attributes: None });
        };
        let metadata = std::fs::metadata(path).map_err(failed("read", path))?;
        let name = name_of(path)?;
        if metadata.is_dir() {
            if !recursive {
                return Err(CopyError::IsFolder { place: path.display().to_string() }.into());
            }
            let file = packed(path.clone()).await?;
            let size = file.metadata().ok().map(|data| data.len());
            let input = Box::new(tokio::fs::File::from_std(file));
            return Ok(Self { input, name, folder: true, size, attributes: None });
        }
        // Not by std: a pipe opens when somebody writes to it.
        let input = Box::new(tokio::fs::File::open(path).await.map_err(failed("read", path))?);
        let attributes = (metadata.mode(), u64::try_from(metadata.mtime()).unwrap_or(0));
        // A pipe has none of its own.
        let regular = !metadata.file_type().is_fifo() && metadata.is_file();
        Ok(Self {
            input,
            name,
            folder: false,
            size: regular.then_some(metadata.len()),
            attributes: regular.then_some(attributes),
        })
    }
}

/// Where on this host something goes: below a name of its own until it is complete.
pub(in crate::manager) struct Sink {
    path: PathBuf,
    folder: PathBuf,
}

impl Sink {
    /// `to` is a directory to put it in, or its new path.
    pub(in crate::manager) fn new(to: &Path, from: &str) -> Result<Self, Error> {
        let path = match (to.is_dir(), last_name(from)) {
            (true, Some(name)) => to.join(name),
            _ => to.to_owned(),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let wants_folder = to.as_os_str().as_encoded_bytes().ends_with(b"/");
        if !folder.is_dir() || wants_folder && !to.is_dir() {
            return Err(CopyError::NotFound { place: to.display().to_string() }.into());
        }
        Ok(Self { path, folder })
    }

    /// Whether it is a pipe or a device that is there, which gets the bytes as they come.
    pub(in crate::manager) fn is_stream(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|data| {
            let kind = data.file_type();
            kind.is_fifo() || kind.is_char_device()
        })
    }

    /// Opens the pipe or device. A pipe opens when somebody reads from it.
    pub(in crate::manager) async fn open(&self) -> Result<tokio::fs::File, Error> {
        let file = tokio::fs::File::options().write(true).open(&self.path).await;
        Ok(file.map_err(failed("write", &self.path))?)
    }

    /// That it could not be written.
    pub(in crate::manager) fn failed(&self, error: std::io::Error) -> CopyError {
        failed("write", &self.path)(error)
    }

    /// A file without a name.
    pub(in crate::manager) fn spool(&self) -> Result<tokio::fs::File, Error> {
        let file = tempfile::tempfile_in(&self.folder).map_err(failed("write into", &self.folder))?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// The file that takes the final name when it is complete; dropped, it is removed.
    pub(in crate::manager) fn partial(&self) -> Result<(NamedTempFile, tokio::fs::File), Error> {
        // Nor may a device give way to a file.
        if self.path.exists() && !self.path.is_file() {
            return Err(CopyError::WrongKind { place: self.path.display().to_string() }.into());
        }
        let partial = tempfile::Builder::new()
            .prefix(".vmtools-")
            .tempfile_in(&self.folder)
            .map_err(failed("write into", &self.folder))?;
        let file = partial.as_file().try_clone().map_err(failed("write", &self.path))?;
        Ok((partial, tokio::fs::File::from_std(file)))
    }

    pub(in crate::manager) fn complete(
        &self,
        partial: NamedTempFile,
        mode: u32,
        time: u64,
    ) -> Result<(), Error> {
        let file = partial.as_file();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
        file.set_permissions(Permissions::from_mode(mode))
            .and_then(|()| file.set_modified(changed))
            .map_err(failed("write", &self.path))?;
        let failed = |error: tempfile::PersistError| failed("write", &self.path)(error.error);
        Ok(partial.persist(&self.path).map(drop).map_err(failed)?)
    }

    /// Unpacks the archive beside the final place, then moves it there. The guest may have put anything into
    /// it: nothing is written outside, and no file is another user's or set-uid.
    pub(in crate::manager) async fn unpack(self, spool: tokio::fs::File) -> Result<(), Error> {
        let file = spool.into_std().await;
        let (path, folder) = (self.path, self.folder);
        let shown = path.clone();
        let work = tokio::task::spawn_blocking(move || {
            let partial = TempDir::with_prefix_in(".vmtools-", &folder)?;
            let mut archive = tar::Archive::new(rewound(file)?);
            archive.set_preserve_permissions(false);
            archive.set_preserve_mtime(true);
            archive.unpack(partial.path())?;
            if path.is_dir() {
                return merge(partial.path(), &path);
            }
            std::fs::rename(partial.path(), &path)?;
            // It has gone to its place.
            let _ = partial.keep();
            Ok(())
        });
        Ok(work.await.map_err(std::io::Error::other).flatten().map_err(failed("write", &shown))?)
    }
}

/// Moves all that is in one directory into another of the same file system.
fn merge(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() && target.is_dir() && !target.is_symlink() {
            merge(&entry.path(), &target)?;
        } else {
            std::fs::rename(entry.path(), target)?;
        }
    }
    Ok(())
}

async fn packed(folder: PathBuf) -> Result<File, Error> {
    let shown = folder.clone();
    let temporary = std::env::temp_dir();
    let file = tempfile::tempfile_in(&temporary).map_err(failed("write a temporary file to", &temporary))?;
    let work = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(file);
        archive.follow_symlinks(false);
        archive.append_dir_all("d", &folder)?;
        rewound(archive.into_inner()?)
    });
    Ok(work.await.map_err(std::io::Error::other).flatten().map_err(failed("pack", &shown))?)
}

fn rewound(mut file: File) -> std::io::Result<File> {
    use std::io::Seek;
    file.rewind()?;
    Ok(file)
}

fn name_of(path: &Path) -> Result<String, Error> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match name(path) {
        Some(name) => Ok(name),
        // `.` and `..` have names too.
        None => {
            let whole = path.canonicalize().map_err(failed("read", path))?;
            Ok(name(&whole).unwrap_or_else(|| "root".into()))
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::Host { action, path, source }
}
