//! Files that are to be removed, and QEMUs that have them open: those of this libvirt are known from its definitions,
//! the others only from the locks that every QEMU holds on its files. Such are VMs of another libvirt (the session's,
//! where this is the system's), and what was started by hand.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use super::{Storage, StorageError};
use crate::host::{self, Program};
use crate::image;
use crate::manager::Error;
use crate::manager::inventory::Inventory;
use crate::model::{Uuid, VmState};

/// How long a QEMU that is about to close the file may take: one that has just been stopped, or that only looked at it.
const ENDING: Duration = Duration::from_secs(2);

impl Storage<'_> {
    /// Checks that no QEMU has one of the files open that are to be removed; one that is about to end is waited for.
    /// On another host that cannot be determined.
    ///
    /// # Errors
    /// [`StorageError::Open`].
    pub(in crate::manager) async fn refuse_open(
        &self,
        paths: impl Iterator<Item = &str> + Clone,
    ) -> Result<(), Error> {
        let is_open = |path: &&str| image::is_open_in_qemu(Path::new(path));
        self.refuse_used(async || {
            let path = paths.clone().find(is_open)?;
            Some((path.to_owned(), host::programs_with_open(Path::new(path))))
        })
        .await
    }

    /// As [`Storage::refuse_open`], while VMs that this libvirt knows may run and have them open: those don't count.
    ///
    /// # Errors
    /// [`StorageError::Open`].
    pub(in crate::manager) async fn refuse_open_elsewhere(
        &self,
        paths: impl Iterator<Item = &str> + Clone,
        inventory: &Inventory,
    ) -> Result<(), Error> {
        let is_open = |path: &str| image::is_open_in_qemu(Path::new(path));
        self.refuse_used(async || {
            if !paths.clone().any(is_open) {
                return None;
            }
            let started = self.started_since(inventory).await;
            let open = paths.clone().find_map(|path| programs_elsewhere(path, inventory, &started));
            open.map(|(path, programs)| (path.to_owned(), programs))
        })
        .await
    }

    /// The VMs that were off when the inventory was taken, and run by now: somebody may have started one meanwhile.
    async fn started_since(&self, inventory: &Inventory) -> HashSet<Uuid> {
        let definitions = &inventory.definitions;
        let mut started = HashSet::new();
        for (uuid, _) in host::qemu_processes() {
            let was_off = definitions.stored(uuid).is_some() && !definitions.is_running(uuid);
            if was_off && self.op.client().domains().state(uuid).await.is_ok_and(VmState::is_active) {
                started.insert(uuid);
            }
        }
        started
    }

    async fn refuse_used(&self, open: impl AsyncFn() -> Option<(String, Vec<Program>)>) -> Result<(), Error> {
        if !self.op.locality().is_here() {
            return Ok(());
        }
        let mut retry = self.op.retry(ENDING);
        while let Some((path, programs)) = open().await {
            if !retry.again().await? {
                return Err(StorageError::Open { path, programs }.into());
            }
        }
        Ok(())
    }
}

/// The path, and the programs that have it open, if there is one that is no VM of this libvirt's. While one of those
/// may have it open too, only what can be seen counts: a lock does not tell whose it is.
fn programs_elsewhere<'a>(
    path: &'a str,
    inventory: &Inventory,
    started: &HashSet<Uuid>,
) -> Option<(&'a str, Vec<Program>)> {
    let file = Path::new(path);
    if !image::is_open_in_qemu(file) {
        return None;
    }
    let definitions = &inventory.definitions;
    let is_known =
        |uuid: Uuid| definitions.is_running(uuid) || definitions.is_hidden(uuid) || started.contains(&uuid);
    let known: HashSet<u32> = host::qemu_processes()
        .into_iter()
        .filter(|(uuid, _)| is_known(*uuid))
        .map(|(_, process)| process.pid)
        .collect();
    let mut others = host::programs_with_open(file);
    others.retain(|program| !known.contains(&program.pid));
    if definitions.hidden().is_empty() && started.is_empty() && !inventory.is_used_by_running(path) {
        return Some((path, others));
    }
    others.retain(|program| program.name.starts_with("qemu"));
    (!others.is_empty()).then_some((path, others))
}
