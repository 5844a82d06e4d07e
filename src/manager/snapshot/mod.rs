//! A VM's snapshots: made, listed, changed, deleted.
//!
//! Those that vmtools makes are internal, in the disks' own qcow2 files, so that names stay what they are, and with them what
//! clones, `gc` and deletes know of a VM's files. External ones, which others made, are listed, and deleted by libvirt; as
//! long as there are any none is made, since libvirt can't delete what is mixed.
//!
//! ```text
//! off       libvirt makes it
//! memory    libvirt makes it; the guest is held as long as its memory is written
//! disks     libvirt's document, marked ─ freeze ─ one QMP transaction ─ thaw ─ mark removed
//!                     │                                                    │
//!                     └── error, Ctrl-C: deleted ── kill -9: the mark stays, and `gc` or the next create deletes it
//! ```
//!
//! One that is deleted has the mark, too: libvirt deletes it disk by disk, and its document last.
//!
//! A snapshot that libvirt does not know of is found in the disks' own tables, where this user may read them.

mod check;
mod create;
mod delete;
mod error;
mod images;
mod list;
mod live;
mod revert;
mod set;

pub use create::{Quiesce, SnapshotRequest};
pub use delete::{DeletedSnapshot, SnapshotDeletion, SnapshotSelection};
pub use error::{DiskObstacle, MemoryObstacle, SnapshotError};
pub use list::SnapshotStatus;
pub(super) use revert::is_cut_off;
pub use revert::{
    ConfigChange, DetachedDisk, PowerAfter, RevertError, RevertPlan, RevertRequest, Reverted, Reverts,
    Settled,
};
pub use set::SnapshotSettings;

use crate::libvirt::{DomainId, Snapshot};
use crate::manager::gc::Maker;
use crate::manager::operation::noun;
use crate::manager::{Error, VmError};
use crate::model::{Uuid, nearest};

noun! {
    /// VMs' snapshots.
    Snapshots
}

impl Snapshots<'_> {
    /// The names of a VM's snapshots, as libvirt knows them, each after its parent.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn names(&self, vm: &str) -> Result<Vec<String>, Error> {
        let id = self.op.client().domains().resolve(vm).await?;
        Ok(self.op.client().snapshots().names(id.uuid).await?)
    }

    /// The names of the snapshots of all VMs, each once.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn all_names(&self) -> Result<Vec<String>, Error> {
        let mut names = std::collections::BTreeSet::new();
        for uuid in self.op.client().domains().with_snapshots().await? {
            names.extend(self.op.client().snapshots().names(uuid).await?);
        }
        Ok(names.into_iter().collect())
    }

    /// libvirt is not waited for while it is at something else with the VM: a backup takes as long as it takes.
    ///
    /// # Errors
    /// [`SnapshotError::JobRunning`].
    pub(in crate::manager) async fn refuse_busy(&self, id: &DomainId, active: bool) -> Result<(), Error> {
        if active && self.op.client().jobs().current(id.uuid).await?.is_some() {
            return Err(SnapshotError::JobRunning { vm: id.name.clone() }.into());
        }
        Ok(())
    }

    /// VMs whose disks stand on this one's: what libvirt does to delete an external snapshot would change them.
    ///
    /// # Errors
    /// [`VmError::HasChildren`].
    async fn refuse_children(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let inventory = crate::manager::inventory::Inventory::of_disks(self.op).await?;
        let children = inventory.children_of_any_kind(uuid);
        match children.is_empty() {
            true => Ok(()),
            false => Err(VmError::HasChildren { name: name.to_owned(), children }.into()),
        }
    }
}

/// Whether the process that was making the snapshot is still at it.
pub(in crate::manager) fn maker_of(snapshot: &Snapshot) -> Maker {
    crate::manager::gc::maker(snapshot.maker())
}

fn not_found<'a>(vm: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> SnapshotError {
    SnapshotError::NotFound { vm: vm.to_owned(), name: name.to_owned(), nearest: nearest(name, known) }
}
