use std::path::PathBuf;

use super::file::{SourceFile, Stamp};
use super::{CpuFloor, Error, Format};
use crate::model::{Digest, Firmware};

/// An image that lies on this machine and has been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// The path of the file.
    pub path: PathBuf,
    /// Its name in messages: the catalogue's, the file's, or the URL.
    pub name: String,
    /// Where its bytes came from: a path or a URL.
    pub source: String,
    /// The format; never [`Format::Iso`].
    pub format: Format,
    /// The size of the disk that a guest sees, in bytes.
    pub virtual_size_bytes: u64,
    /// The size of the file, in bytes.
    pub file_size_bytes: u64,
    /// The digest of the file: the one that was published or given, else its SHA-256.
    pub digest: Digest,
    /// Whether a digest vouches for it that was published or given. A file of the user's own counts.
    pub verified: bool,
    /// Whether it was a VM's disk, and so has an identity that a new VM must not keep.
    pub committed: bool,
    /// The user that its cloud-init makes, if that is known.
    pub default_user: Option<String>,
    /// The firmware that it needs, if that is known.
    pub firmware: Option<Firmware>,
    /// The least CPU that it runs on, if the catalogue knows.
    pub cpu_floor: Option<CpuFloor>,
    /// What tells that the file is still the one that was looked at; `None` for one that is kept by vmtools, which
    /// is never written to and only replaced as a whole.
    pub(super) stamp: Option<Stamp>,
}

impl LocalImage {
    /// That the file is still what it was when it was looked at, and that no QEMU may write to it: to be asked
    /// once it has been copied. Blocks shortly.
    ///
    /// # Errors
    /// [`Error::Changed`], [`Error::InUse`], or when it is gone.
    pub fn check_unchanged(&self) -> Result<(), Error> {
        let Some(stamp) = &self.stamp else { return Ok(()) };
        let source = SourceFile::open(&self.path)?;
        if source.stamp() != stamp {
            return Err(Error::Changed { path: self.path.clone() });
        }
        Ok(())
    }
}
