//! Reverts to snapshots that were cut off.

use super::{Garbage, GarbageCollection, Reason, Target};
use crate::manager::Error;
use crate::manager::claim::Subject;
use crate::manager::inventory::Inventory;
use crate::manager::snapshot::{Reverts, is_cut_off};
use crate::model::Uuid;

impl GarbageCollection<'_> {
    /// VMs that a revert was cut off of, and what reverts have kept of snapshots and nobody needs any more.
    pub(super) fn reverts(&self, inventory: &Inventory) -> Vec<Garbage> {
        let reverts = Reverts::of(self.op);
        let of = |uuid: Uuid, name: String| Garbage::of(Target::Revert(uuid), name, Reason::UnfinishedRevert);
        let marked = inventory.definitions.all_stored().iter().filter(|domain| is_cut_off(domain));
        // Not the VM's name alone: that stays.
        let named =
            marked.map(|domain| of(domain.uuid, format!("the interrupted revert of {}", domain.name)));
        let mut garbage: Vec<Garbage> = named.collect();
        for (uuid, file) in reverts.journals() {
            let vm = inventory.definitions.stored(uuid);
            // Before the mark is set, and after it is removed, too, somebody may be at it.
            let has_mark = vm.is_some_and(|vm| vm.reverting.is_some());
            if !has_mark && !self.op.is_claimed(Subject::Vm(uuid)) {
                garbage.push(of(uuid, super::name_of(file.file_name())).with_files([&file]));
            }
        }
        garbage
    }

    pub(super) async fn remove_revert(&self, uuid: Uuid) -> Result<(), Error> {
        let name = match self.op.client().domains().name_of(uuid).await {
            Ok(name) => name,
            Err(error) if error.is_not_found() => {
                Reverts::of(self.op).remove_journal(uuid);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let _claim = self.op.claim_exclusive(Subject::Vm(uuid), &name).await?;
        Reverts::of(self.op).settle(uuid).await.map(drop)
    }
}
