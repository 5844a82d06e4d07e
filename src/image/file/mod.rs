//! The files of images: what they are, whether they hold still, how they are written and copied.

mod internal_snapshots;
mod kind;
mod overlay;
mod qemu_lock;
mod rewrite;
mod source;
mod sparse_copy;
mod stamp;
mod write;

pub use internal_snapshots::{InternalSnapshot, SnapshotTable, internal_snapshots};
pub use kind::{FileKind, check_iso, check_regular};
pub(in crate::image) use kind::{open_quietly, open_regular};
pub use overlay::Overlay;
pub use qemu_lock::{check_not_written, is_open_in_qemu};
pub use rewrite::Rewrite;
pub(in crate::image) use source::SourceFile;
pub(in crate::image) use sparse_copy::{CopyFault, copy, next_data};
pub use sparse_copy::{copy_sparse, copy_unsynced};
pub(in crate::image) use stamp::Stamp;
pub(in crate::image) use write::{SparseFile, check_room, create, remove_file, write_failed};
