//! Images: what may be used as a disk, and where it comes from.
//!
//! ```text
//! "ubuntu" ─ Reference::parse ─┬─ File ──────────────────────────────┐
//!                              ├─ Url ──────┐                        ├─ header::inspect ─ LocalImage
//!                              └─ Catalog ──┴─ cache? ─ download ────┘
//!                                                 │ lock, partial, digest, header, rename
//!                                                 └ broken off: the partial stays, and is resumed
//! ```
//!
//! | folder | what it holds |
//! |---|---|
//! | header | what a file is, by its bytes alone |
//! | chain | which files a disk needs, by the headers of all of them |
//! | catalog | the images that have a name |
//! | digest | digests: computed, remembered, read from publishers' documents |
//! | download | from a URL to a file that has been checked |
//! | import | from a user's file to an image of the user's own |
//! | store | references resolved; the cache and the user's own images |
//! | file | how files of images are written and copied |
//!
//! An image from outside is hostile until its header has been read: a qcow2 can name any file of the host
//! as its backing or data file. So [`header::inspect`] reads the bytes by itself, before any tool sees
//! them, and a download takes its name in the cache only once its header and digest have been checked.
//!
//! Another disk's files are told from its headers, too:
//!
//! ```
//! use vmtools::image::{Chain, Driver, Overlay, header};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let (base, disk) = (folder.path().join("base.img"), folder.path().join("disk.qcow2"));
//! std::fs::write(&base, vec![0; 1 << 20])?;
//! let name = base.to_str().ok_or("a name that is text")?;
//! let overlay = Overlay::new(1 << 20, name, "raw").ok_or("a name that QEMU takes")?;
//! overlay.write_to(&std::fs::File::create(&disk)?)?;
//!
//! // As an image from outside it would be refused, for it names a file of this host.
//! assert!(header::read(&disk).is_err());
//! // As a VM's disk it needs both files.
//! let chain = Chain::read(&disk, Some(Driver::Qcow2));
//! let files: Vec<_> = chain.files().map(|file| file.path.as_path()).collect();
//! assert_eq!(files, [&disk, &base]);
//! assert!(chain.is_complete());
//! # Ok(())
//! # }
//! ```
//!
//! Ways to fail: no such file or catalogue entry; no network ([`Error::Unreachable`]); a server that stops
//! sending ([`Error::Stalled`]); bytes that are not what was promised, or that somebody changes while they are
//! read ([`Error::is_integrity`]); a full disk.

pub mod catalog;
pub mod chain;
mod digest;
mod download;
mod error;
mod file;
pub mod header;
mod import;
mod local_image;
mod qemu_img;
mod reference;
mod store;

pub use catalog::{Build, Catalog, Checksum, CpuFloor, Entry, Provisioner};
pub use chain::Chain;
pub use digest::{DigestCache, Hasher, checksum};
pub use download::Limits;
pub use error::Error;
pub use file::{FileKind, Overlay, check_not_written, check_regular, copy_sparse, is_open_in_qemu};
pub use header::{Driver, Format, Header, read as read_header, read_data_disk};
pub use import::OvaError;
pub use local_image::LocalImage;
pub use reference::Reference;
pub use store::{
    Freshness, Leftover, NewImage, Pulled, Staged, Store, StoredImage, StoredImageKind, UserImages,
};

use std::sync::Arc;

/// This host's architecture, as QEMU names it: for those that vmtools is built for, Rust's names are the same.
pub const HOST_ARCH: &str = std::env::consts::ARCH;

/// How far the reading of an image has come, of a download or of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The bytes that are done.
    pub done_bytes: u64,
    /// All the bytes, where that is known.
    pub total_bytes: Option<u64>,
}

/// Told now and then how far a transfer has come, on a thread of its own; it must be quick.
pub type Progress = Arc<dyn Fn(Transfer) + Send + Sync>;
