//! A VM brought back to a snapshot.
//!
//! libvirt makes the definition of then the VM's own, and with it vmtools' record of then: a protection that was set since
//! would be gone, and the files of disks that were added since would be nobody's. So the snapshot's document gets all of
//! that first. libvirt changes disks and definition as one, and so at no moment is the one without the other:
//!
//! ```text
//! checks ─ journal: the document as it is ─ document + what stays + mark "done" ─ mark "begun" in the definition
//!        ─ snapshot-revert: the definition comes from the document, mark and all
//!        ─ clock, power ─ document as it was, journal removed ─ mark removed
//! ```
//!
//! A command that is killed leaves a mark, and the next one on the VM, or `gc`, sees how far it came; so does the command
//! itself once a daemon that was lost is back. With "done" it is reverted; with "begun" libvirt had not come to its end:
//!
//! ```text
//! the QEMU of before goes on          nothing has happened
//! a QEMU of then runs, or is held     its disks are of then, and the definition is not: reverted again
//! shut off, ran before                libvirt has ended its QEMU: reverted again
//! shut off before, too                reverted again if the disks have been written to at once; else nothing has happened
//! ```
//!
//! A VM that somebody may have used since is left as it is. A QEMU that ends while it reads the memory is tried once more.

mod act;
mod error;
mod plan;
mod settle;

pub use error::RevertError;
pub use plan::{ConfigChange, DetachedDisk, RevertPlan, RevertRequest, Reverted};
pub use settle::Settled;
pub(in crate::manager) use settle::is_cut_off;

use crate::manager::operation::noun;

noun! {
    /// VMs brought back to their snapshots.
    Reverts
}

/// What a VM does after a revert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PowerAfter {
    /// With a memory what the guest did then; else what the VM does now.
    #[default]
    Auto,
    /// It runs.
    Start,
    /// It is shut off.
    Off,
}
