//! Disk images: reading their headers and chains, downloading and storing them.
//!
//! ```text
//! "ubuntu" ─ Reference::parse ─┬─ File ──────────────────────────────┐
//!                              ├─ Url ──────┐                        ├─ header::inspect ─ LocalImage
//!                              └─ Catalog ──┴─ cache? ─ download ────┘
//!                                                 │ lock, partial, digest, header, rename
//!                                                 └ broken off: the partial stays, and is resumed
//! ```
//!
//! | directory | what it holds |
//! |---|---|
//! | [`header`] | the format and size of an image, read from its bytes alone |
//! | [`chain`] | the files that a disk depends on, read from their headers |
//! | [`catalog`] | the images that have a name |
//! | digest | digests: computed, cached, read from publishers' checksum files |
//! | download | downloads a URL to a verified file |
//! | import | imports a local file as a named image |
//! | store | resolves references; the download cache and the imported images |
//! | file | writes and copies image files |
//!
//! An image from outside is hostile until its header has been checked: a qcow2 can name any file of the host
//! as its backing or data file. So [`header::inspect`] reads the bytes itself, before any tool opens
//! the file, and a download enters the cache only once its header and digest have been checked.
//!
//! [`Store`] downloads, verifies and caches:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use vmtools::image::{Catalog, Reference, Store};
//!
//! # async fn pull() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::new("/var/cache/example".into(), Path::new("/var/lib/example"), Catalog::load(None)?);
//! let image = store.obtain(&"debian-12".parse::<Reference>()?, None).await?;
//! println!("{} {}", image.path.display(), image.digest);
//! # Ok(())
//! # }
//! ```
//!
//! [`Chain`] reads which files a disk depends on:
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
//! // As an image from outside it is refused, since it names a file of this host.
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
//! Errors: no such file or catalogue entry; no network ([`Error::Unreachable`]); a server that stops
//! sending ([`Error::Stalled`]); a wrong digest, a hostile or damaged image, or a file that changes while it is
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
pub use file::{
    FileKind, InternalSnapshot, Overlay, Rewrite, SnapshotTable, check_iso, check_not_written, check_regular,
    copy_sparse, copy_unsynced, internal_snapshots, is_open_in_qemu,
};
pub use header::{Driver, Format, Header, has_residue, read as read_header, read_data_disk};
pub use import::OvaError;
pub use local_image::LocalImage;
pub use qemu_img::remove_bitmap;
pub use reference::Reference;
pub use store::{
    Freshness, Leftover, NewImage, Pulled, Staged, Store, StoredImage, StoredImageKind, UserImages,
};

use std::sync::Arc;

/// This host's architecture, as QEMU names it: for those that vmtools is built for, Rust's names are the same.
pub const HOST_ARCH: &str = std::env::consts::ARCH;

/// The progress of a download, or of computing a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes transferred so far.
    pub done_bytes: u64,
    /// Bytes in total, where known.
    pub total_bytes: Option<u64>,
}

/// Called every now and then with the progress of a transfer, on another thread. It must return quickly.
pub type Progress = Arc<dyn Fn(Transfer) + Send + Sync>;
