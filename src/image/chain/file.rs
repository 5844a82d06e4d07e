use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::names::Names;
use crate::image::file::{FileKind, open_quietly};
use crate::image::header::window::{Fault, Window};
use crate::image::header::{self, Driver};

/// As much of a file as tells its form.
const PROBE_BYTES: usize = 2048;

/// What a file is, by whatever name it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileId {
    /// A regular file.
    File {
        /// The number of the device that its file system is on.
        device: u64,
        /// Its number there.
        inode: u64,
    },
    /// A block device, which several nodes can stand for.
    Device {
        /// The device's own number.
        device: u64,
    },
}

/// A file that a disk needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFile {
    /// Where it is: absolute, and not freed of symbolic links.
    pub path: PathBuf,
    /// Which file that is; `None` when there is none, or when a directory above it can't be searched.
    pub id: Option<FileId>,
    /// Whether it could be read.
    pub state: FileState,
}

/// Whether a file of a chain could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// It could.
    Readable,
    /// It is not there.
    Missing,
    /// This user may not read it, or not get at it.
    Denied,
    /// It is nothing that a disk can be.
    NotADisk(FileKind),
    /// Its header is not one of the form that was declared, or can't be right.
    Damaged(header::Error),
    /// It can't be read for another reason.
    Failed(ErrorKind),
}

impl FileId {
    /// Which file the path leads to, through symbolic links. Blocks.
    ///
    /// # Errors
    /// When there is none, or it can't be reached.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        Ok(Self::of_metadata(&std::fs::metadata(path)?))
    }

    /// Which file this tells of.
    pub fn of_metadata(metadata: &Metadata) -> Self {
        if metadata.file_type().is_block_device() {
            return Self::Device { device: metadata.rdev() };
        }
        Self::File { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// A file of a chain, opened where that is possible.
pub(super) struct Opened {
    pub(super) file: ChainFile,
    window: Option<Window>,
}

impl Opened {
    pub(super) fn open(path: &Path) -> Self {
        let (id, opened) = match std::fs::metadata(path) {
            Ok(metadata) => (Some(FileId::of_metadata(&metadata)), open(path, &metadata)),
            Err(error) => (None, Err(state_of(error.kind()))),
        };
        let (window, state) = match opened {
            Ok(file) => (Some(Window::new(file, 0, u64::MAX)), FileState::Readable),
            Err(state) => (None, state),
        };
        Self { file: ChainFile { path: path.to_owned(), id, state }, window }
    }

    /// Its first bytes.
    pub(super) fn head(&mut self) -> Option<Vec<u8>> {
        let head = self.window.as_ref()?.read(0, PROBE_BYTES);
        head.map_err(|error| self.file.state = state_of(error.kind())).ok()
    }

    /// What its header names; `None` when it can't be read, which its state tells then.
    pub(super) fn names(&mut self, driver: Driver) -> Option<Names> {
        let names = Names::read(self.window.as_ref()?, driver);
        names.map_err(|fault| self.file.state = state_of_fault(fault)).ok()
    }
}

fn open(path: &Path, metadata: &Metadata) -> Result<File, FileState> {
    // Opening a pipe would wait for its other end, and opening a device such as a tape does something.
    match FileKind::of_metadata(metadata) {
        None | Some(FileKind::BlockDevice) => open_quietly(path).map_err(|error| state_of(error.kind())),
        Some(kind) => Err(FileState::NotADisk(kind)),
    }
}

fn state_of(kind: ErrorKind) -> FileState {
    match kind {
        // Something on the way is no folder.
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileState::Missing,
        ErrorKind::PermissionDenied => FileState::Denied,
        other => FileState::Failed(other),
    }
}

fn state_of_fault(fault: Fault) -> FileState {
    match fault {
        Fault::Read(error) => state_of(error.kind()),
        Fault::Header(error) => FileState::Damaged(error),
    }
}
