//! Files of VMs in libvirt's storage pools: the pool, shared bases, volumes, their removal.

pub(in crate::manager) mod base;
mod error;
mod remove;
mod volume;

pub(in crate::manager) use error::join;
pub use error::{Place, StorageError};
pub(in crate::manager) use remove::is_piece;

use super::operation::noun;

noun! {
    /// The storage pools of a host.
    Storage
}
