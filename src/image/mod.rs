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
//! An image from outside is hostile until its header has been read: a qcow2 can name any file of the host
//! as its backing or data file. So [`header::inspect`] reads the bytes by itself, before any tool sees
//! them, and a download takes its name in the cache only once its header and digest have been checked.
//!
//! Ways to fail: no such file or catalogue entry; no network ([`Error::Unreachable`]); a server that stops
//! sending ([`Error::Stalled`]); bytes that are not what was promised ([`Error::is_integrity`]); a full disk.

mod answer;
mod cached;
pub mod catalog;
pub mod checksum;
mod digest;
mod disk;
mod download;
mod entry;
mod error;
mod fetch;
mod foreign;
mod hash;
pub mod header;
mod holding;
mod import;
mod intake;
mod leftovers;
mod limits;
mod local_image;
mod overlay;
mod own;
mod partial;
mod pull;
mod qcow2;
mod qcow2_map;
mod record;
mod reference;
mod retry;
mod source;
mod sparse_copy;
mod store;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod test_server;
mod unpack;

pub use catalog::Catalog;
pub use digest::DigestCache;
pub use entry::{CpuFloor, Entry};
pub use error::Error;
pub use hash::Hasher;
pub use header::{Format, Header, read as read_header};
pub use holding::{Holding, HoldingKind};
pub use import::OvaError;
pub use leftovers::Leftover;
pub use limits::Limits;
pub use local_image::LocalImage;
pub use overlay::Overlay;
pub use own::{NewImage, OwnImages, Staged};
pub use pull::{Freshness, Pulled};
pub use reference::Reference;
pub use sparse_copy::copy_sparse;
pub use store::Store;

use std::sync::Arc;

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
