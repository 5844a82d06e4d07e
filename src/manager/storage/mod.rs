//! Files of VMs in libvirt's storage pools: the pool, shared bases, volumes, their removal.

pub(in crate::manager) mod base;
mod error;
mod open;
mod pool;
mod remove;
mod volume;

pub(in crate::manager) use error::join;
pub use error::{Place, StorageError};
pub(in crate::manager) use remove::is_rotated_log;

use super::operation::noun;
use crate::model::Uuid;

noun! {
    /// The storage pools of a host.
    Storage
}

/// The part of a VM's UUID that the names of its volumes have, so that two VMs of one name have different ones.
pub(in crate::manager) fn file_mark(uuid: Uuid) -> String {
    format!("{:08x}", uuid.as_fields().0)
}
