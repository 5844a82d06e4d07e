use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::image::Error;
use crate::system::fs;

/// What tells that a file is still the same, and still has the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct Stamp {
    pub(in crate::image) path: PathBuf,
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    /// Of the file that lies there now.
    ///
    /// # Errors
    /// When there is none, or it can't be reached.
    pub(in crate::image) fn of(path: &Path) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(fs::Error::at("read", path))?;
        Ok(Self::of_metadata(path, &metadata))
    }

    /// The file's size then.
    pub(in crate::image) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Of a file that is open, whatever lies at its path by now.
    pub(in crate::image) fn of_metadata(path: &Path, metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
