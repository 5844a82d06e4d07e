//! VMs that a killed fork has left on overlays.

use super::{Garbage, GarbageCollection, Reason, Target};
use crate::host::LockMode;
use crate::libvirt::{Domain, OwnedVolume};
use crate::manager::Error;
use crate::manager::claim::Subject;
use crate::manager::clone::{is_fork_overlay, put_back};
use crate::manager::inventory::Inventory;
use crate::model::Uuid;

impl GarbageCollection<'_> {
    /// The overlays of VMs that nobody forks any more. One that is shut off is put back once it runs: what it has is whole.
    pub(super) async fn fork_overlays(&self, inventory: &Inventory) -> Result<Vec<Garbage>, Error> {
        let mut garbage = Vec::new();
        for domain in inventory.definitions.all_stored() {
            let overlays = overlays_of(domain);
            if overlays.is_empty()
                || self.op.is_claimed(Subject::LiveDisks(domain.uuid))
                || !self.is_removable(domain, &overlays).await?
            {
                continue;
            }
            // Not the VM's name: that stays.
            let names: Vec<&str> = overlays.iter().map(|overlay| overlay.volume.as_str()).collect();
            let item = Garbage::of(Target::ForkOverlays(domain.uuid), names.join(", "), Reason::ForkOverlay);
            let files = overlays.into_iter().map(|overlay| overlay.path).collect();
            garbage.push(Garbage { files, ..item });
        }
        Ok(garbage)
    }

    async fn is_removable(&self, domain: &Domain, overlays: &[OwnedVolume]) -> Result<bool, Error> {
        let is_used = overlays.iter().any(|overlay| {
            domain.disks.iter().any(|disk| disk.path.as_deref() == Some(overlay.path.as_str()))
        });
        Ok(!is_used || self.op.client().domains().state(domain.uuid).await?.is_active())
    }

    pub(super) async fn remove_fork_overlays(&self, uuid: Uuid) -> Result<(), Error> {
        // Somebody forks it.
        let Some(_claim) = self.op.claim_now(Subject::LiveDisks(uuid), LockMode::Exclusive)? else {
            return Ok(());
        };
        let domain = self.op.client().definitions().stored(uuid).await?;
        put_back(self.op, uuid, &overlays_of(&domain)).await
    }
}

fn overlays_of(domain: &Domain) -> Vec<OwnedVolume> {
    domain.owned_volumes().filter(|owned| is_fork_overlay(&owned.volume)).cloned().collect()
}
