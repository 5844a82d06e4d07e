//! What is left of states that VMs are started from.

use std::path::Path;

use super::vms::maker;
use super::{Garbage, GarbageCollection, Maker, Reason, Target};
use crate::host::LockMode;
use crate::manager::claim::Subject;
use crate::manager::inventory::Inventory;
use crate::manager::warm::{ColdReason, WarmKey, WarmStates, is_base, is_maker, unneeded_disks};
use crate::manager::{Error, StorageError};

impl GarbageCollection<'_> {
    /// States that are of no use, disks of states that are gone, and copies that nobody restores any more. What a command
    /// is at is claimed.
    pub(super) async fn warm_states(&self, inventory: &Inventory) -> Result<Vec<Garbage>, Error> {
        let states = WarmStates::of(self.op);
        let Some(folder) = states.folder().await? else { return Ok(Vec::new()) };
        let mut garbage = Vec::new();
        let mut keys = folder.keys();
        keys.extend(inventory.files.volumes().filter_map(|(_, volume)| is_base(&volume.name)));
        keys.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        keys.dedup();
        for key in keys {
            let is_claimed = self.op.is_claimed(Subject::Warm(key.as_str()));
            // What a killed command has left of its VM goes with that.
            let has_maker = inventory.definitions.all_stored().iter().any(|vm| is_maker_of(&vm.name, &key));
            if is_claimed || has_maker || folder.load(&key).is_ok_and(|state| state.is_some()) {
                continue;
            }
            let mut files: Vec<String> =
                unneeded_disks(inventory, &key).into_iter().map(|disk| disk.path).collect();
            if folder.load(&key).is_err_and(|reason| reason == ColdReason::BadState) {
                files.push(folder.file(&key));
            }
            if !files.is_empty() {
                let item = Garbage::of(Target::WarmState(key.clone()), key.name(), Reason::WarmState);
                garbage.push(Garbage { files, ..item });
            }
        }
        let is_at_work = |uuid| {
            inventory.definitions.stored(uuid).is_some_and(|vm| matches!(maker(vm.creator()), Maker::AtWork))
        };
        for (_, copy) in folder.copies().into_iter().filter(|(uuid, _)| !is_at_work(*uuid)) {
            let name = super::name_of(copy.file_name());
            garbage.push(
                Garbage::of(Target::WarmCopy(copy.clone()), name, Reason::WarmState).with_files([&copy]),
            );
        }
        Ok(garbage)
    }

    pub(super) async fn remove_warm_state(&self, key: &WarmKey) -> Result<(), Error> {
        // Somebody makes it anew, or uses it.
        let Some(_claim) = self.op.claim_now(Subject::Warm(key.as_str()), LockMode::Exclusive)? else {
            return Ok(());
        };
        WarmStates::of(self.op).remove_useless(key).await
    }

    pub(super) fn remove_warm_copy(&self, copy: &Path) -> Result<(), Error> {
        match std::fs::remove_file(copy) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::NotRemoved { name: copy.display().to_string() }.into())
            }
            _ => Ok(()),
        }
    }
}

fn is_maker_of(vm: &str, key: &WarmKey) -> bool {
    is_maker(vm) && vm.ends_with(key.as_str())
}
