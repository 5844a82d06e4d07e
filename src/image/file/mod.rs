//! The files of images: how they are written and copied.

mod overlay;
mod sparse_copy;
mod write;

pub use overlay::Overlay;
pub use sparse_copy::copy_sparse;
pub(in crate::image) use write::{SparseFile, check_room, create, remove_file, write_failed};
