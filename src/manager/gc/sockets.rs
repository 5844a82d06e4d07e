//! Sockets that QEMU left behind: it removes libvirt's, but vmtools' own only when it exits by itself.

use std::path::Path;

use super::{Garbage, GarbageCollection, Reason, Target};
use crate::host;
use crate::manager::Error;
use crate::manager::claim::Subject;
use crate::manager::inventory::Inventory;
use crate::model::Uuid;

impl GarbageCollection<'_> {
    /// The sockets of which no VM runs.
    pub(super) fn sockets(&self, inventory: &Inventory) -> Vec<Garbage> {
        if !self.op.locality().is_here() {
            return Vec::new();
        }
        // Another daemon of this host may have the VM: its QEMU tells.
        let processes = host::qemu_processes();
        let mut garbage = Vec::new();
        for (uuid, mut sockets) in host::vm_sockets() {
            if inventory.definitions.is_running(uuid)
                || inventory.definitions.is_hidden(uuid)
                || processes.contains_key(&uuid)
            {
                continue;
            }
            sockets.retain(|socket| host::is_stale_socket(socket));
            if sockets.is_empty() {
                continue;
            }
            let vm = inventory.definitions.stored(uuid);
            let name = vm.map_or_else(|| uuid.to_string(), |vm| vm.name.clone());
            let reason = if vm.is_some() { Reason::StaleSocket } else { Reason::Orphan };
            let of_vm = Garbage::of(Target::Sockets(uuid), name, reason).with_files(&sockets);
            garbage.push(Garbage { uuid: Some(uuid), ..of_vm });
        }
        garbage
    }

    /// Removes those that are still of no VM that runs: a start claims the VM, too.
    pub(super) async fn remove_sockets(&self, uuid: Uuid, garbage: &Garbage) -> Result<(), Error> {
        let _claim = self.op.claim_exclusive(Subject::Vm(uuid), &garbage.name).await?;
        for socket in garbage.files.iter().map(Path::new).filter(|socket| host::is_stale_socket(socket)) {
            host::remove_socket(socket).map_err(host::Error::from)?;
        }
        Ok(())
    }
}
