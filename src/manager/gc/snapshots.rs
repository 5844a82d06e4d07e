//! Snapshots whose time is over, and those that killed commands have left half-made.

use super::{Garbage, GarbageCollection, Maker, Reason, Target};
use crate::libvirt::{Domain, Snapshot};
use crate::manager::Error;
use crate::manager::inventory::Inventory;
use crate::manager::snapshot::{Snapshots, maker_of};
use crate::model::Uuid;

impl GarbageCollection<'_> {
    /// The snapshots that go, of VMs that stay.
    pub(super) async fn snapshots(
        &self,
        inventory: &Inventory,
        going: &[Uuid],
    ) -> Result<Vec<Garbage>, Error> {
        let stays = |uuid: &Uuid| !going.contains(uuid);
        let with_any = self.op.client().domains().with_snapshots().await?;
        let uuids: Vec<Uuid> = with_any.into_iter().filter(stays).collect();
        let mut garbage = Vec::new();
        let listings = self.op.client().snapshots().of_each(&uuids).await?;
        for (uuid, listing) in uuids.iter().zip(listings) {
            let Some(domain) = inventory.definitions.stored(*uuid) else { continue };
            // Of one that is gone meanwhile there are none.
            let Ok(snapshots) = listing else { continue };
            // Each after those that were made after it.
            garbage.extend(snapshots.iter().rev().filter_map(|snapshot| of_snapshot(domain, snapshot)));
        }
        Ok(garbage)
    }

    pub(super) async fn remove_snapshot(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let is_garbage = |snapshot: &Snapshot| why(snapshot).is_some();
        Snapshots::of(self.op).delete_garbage(uuid, name, is_garbage).await
    }
}

fn of_snapshot(domain: &Domain, snapshot: &Snapshot) -> Option<Garbage> {
    let target = Target::Snapshot { uuid: domain.uuid, name: snapshot.name.clone() };
    // No snapshot's name has a slash.
    let garbage = Garbage::of(target, format!("{}/{}", domain.name, snapshot.name), why(snapshot)?);
    Some(Garbage { uuid: Some(domain.uuid), files: snapshot.files(), ..garbage })
}

fn why(snapshot: &Snapshot) -> Option<Reason> {
    match maker_of(snapshot) {
        Maker::AtWork => None,
        Maker::Gone => Some(Reason::UnfinishedSnapshot),
        Maker::None => snapshot.is_expired().then_some(Reason::ExpiredSnapshot),
    }
}
