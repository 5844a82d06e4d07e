use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::image::{Driver, Error};
use crate::system::fs;

/// What a path leads to that is no regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Folder,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device, which a chain may have and an image can't be.
    BlockDevice,
}

impl FileKind {
    /// What it is; `None` for a regular file.
    pub fn of_metadata(metadata: &Metadata) -> Option<Self> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            Some(Self::Folder)
        } else if kind.is_fifo() {
            Some(Self::Fifo)
        } else if kind.is_socket() {
            Some(Self::Socket)
        } else if kind.is_char_device() {
            Some(Self::CharacterDevice)
        } else if kind.is_block_device() {
            Some(Self::BlockDevice)
        } else {
            None
        }
    }

    /// With its article, such as "a directory".
    pub fn what(self) -> &'static str {
        match self {
            Self::Folder => "a directory",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::CharacterDevice => "a character device",
            Self::BlockDevice => "a block device",
        }
    }
}

/// Opens a regular file for reading; gives its size in bytes too.
///
/// # Errors
/// [`Error::FileMissing`], [`Error::NotAFile`], or when it can't be read.
pub(in crate::image) fn open_regular(path: &Path) -> Result<(File, u64), Error> {
    // A pipe would block at open, and opening some devices does something.
    check_regular(path)?;
    let file = open_quietly(path).map_err(|error| failed(path, error))?;
    // Another may lie there by now.
    let metadata = file.metadata().map_err(|error| failed(path, error))?;
    check(path, &metadata)?;
    Ok((file, metadata.len()))
}

/// Checks that there is a regular file at `path`, which need not be this user's to read. Blocks shortly.
///
/// # Errors
/// [`Error::FileMissing`], [`Error::NotAFile`], or when it can't be reached.
pub fn check_regular(path: &Path) -> Result<(), Error> {
    check(path, &std::fs::metadata(path).map_err(|error| failed(path, error))?)
}

/// As [`check_regular`], of a file that a CD-ROM drive is to show. A drive shows it byte by byte, so that a guest makes
/// nothing of a qcow2. A file that this user can't read is taken to be an ISO image.
///
/// # Errors
/// Those of [`check_regular`]; [`Error::NotAnIso`].
pub fn check_iso(path: &Path) -> Result<(), Error> {
    check_regular(path)?;
    let Ok(file) = open_quietly(path) else { return Ok(()) };
    let mut head = Vec::new();
    if file.take(512).read_to_end(&mut head).is_err() {
        return Ok(());
    }
    match Driver::probe(&head) {
        Driver::Raw => Ok(()),
        driver => Err(Error::NotAnIso { path: path.to_owned(), driver }),
    }
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    match FileKind::of_metadata(metadata) {
        Some(kind) => Err(Error::NotAFile { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::FileMissing { path: path.to_owned() },
        _ => fs::Error::at("read", path)(error).into(),
    }
}

/// Opens for reading, and waits for nobody at the other end of a pipe.
pub(in crate::image) fn open_quietly(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}
