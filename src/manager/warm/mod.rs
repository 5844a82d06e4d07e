//! Warm starts: a new VM from the running state of one that has booted already.
//!
//! A state is made once for each key, from a VM of its own, and kept in two files: the disk that the VM had, on which the
//! disks of all VMs stand that are started from it, and its memory, as `virsh save` writes it.
//!
//! ```text
//! make    create vmtools-warm-KEY ─ boot ─ cloud-init ─ helper in the guest ─ interface out ─ save ─ undefine
//!                                                                                          │
//!                                             POOL/vmtools-warm-KEY-XXXXXXXX.qcow2  +  POOL/warm/KEY.save
//!                                                                                          │
//! start   define ─ overlay, seed ─ copy of the state, with this VM's definition in front ─ restore ─ identity ─ interface
//!            └─ whatever fails: the overlay is made anew on the image, and the VM boots
//! ```
//!
//! **Identity is not optional.** Until the helper in the guest has said that the new identity is in place, the seed of its
//! random numbers first of all, the VM has no network interface, and if it does not say so the VM is destroyed.
//!
//! **It is never worse than a cold start.** Whatever does not fit ([`ColdReason`]) is said, and the VM boots.
//!
//! The key is a digest of all that the state depends on ([`WarmKey`]). The state file holds what was in the guest's memory,
//! keys among it: it is its owner's alone, in a directory that is its owner's alone. What else a state has to say of
//! itself stands in the definition in the file. Its disk is never written again: who finds it newer than the file throws
//! both away. Claims ([`Subject::Warm`](super::claim::Subject)) keep a state while a VM is made of it.

mod cold;
mod folder;
mod key;
mod make;
mod removal;
mod resume;

pub use cold::ColdReason;
pub(in crate::manager) use folder::{WarmFolder, WarmState, is_base, is_maker};
pub(in crate::manager) use key::WarmKey;
pub use make::WarmError;
pub(in crate::manager) use removal::unneeded_disks;
pub(in crate::manager) use resume::{Chosen, Wanted, WarmStart};

use super::operation::noun;

noun! {
    /// Running states from which new VMs are started.
    WarmStates
}
