//! Files in the storage pools left behind by killed commands.

use std::time::{Instant, SystemTime};

use super::{Garbage, GarbageCollection, PATIENCE, Reason, Target};
use crate::libvirt::{OwnedVolume, Volume};
use crate::manager::claim::Subject;
use crate::manager::image::commit;
use crate::manager::inventory::{DeletionSet, Inventory};
use crate::manager::storage::{Storage, base, file_mark};
use crate::manager::{Error, StorageError};
use crate::model::Timestamp;

impl GarbageCollection<'_> {
    /// Those that no process uses, as far as is known; those that were written to just now are listed, and removed
    /// later.
    pub(super) fn volumes(&self, inventory: &Inventory) -> Vec<Garbage> {
        let found = orphaned_volumes(inventory).into_iter();
        // This host's commands claim what they make, so that there is no doubt.
        let unclaimed = found.filter(|left| !self.op.is_claimed(Subject::Base(&left.volume.volume)));
        unclaimed.map(Garbage::from).collect()
    }

    pub(super) async fn remove_volume(&self, volume: &OwnedVolume) -> Result<(), Error> {
        let _claim = self.op.claim_exclusive(Subject::Base(&volume.volume), &volume.volume).await?;
        let inventory = Inventory::load(self.op).await?;
        if !orphaned_volumes(&inventory)
            .iter()
            .any(|left| left.volume == *volume && left.removable_at.is_none())
        {
            return Ok(());
        }
        // libvirt goes on with a copy whose command was killed.
        Storage::of(self.op).refuse_open([volume.path.as_str()].into_iter()).await?;
        let deadline = Instant::now() + PATIENCE;
        let volumes = std::slice::from_ref(volume);
        Storage::of(self.op).remove_volumes(volumes, deadline).await.map_err(|left| Error::LeftBehind {
            cause: Box::new(StorageError::NotRemoved { name: volume.volume.clone() }.into()),
            left,
        })
    }
}

/// A volume left behind by a killed command.
struct OrphanedVolume {
    volume: OwnedVolume,
    reason: Reason,
    /// From when on it is certainly unused; `None`: it can be removed now.
    removable_at: Option<Timestamp>,
}

impl From<OrphanedVolume> for Garbage {
    fn from(OrphanedVolume { volume, reason, removable_at }: OrphanedVolume) -> Self {
        let files = vec![volume.path.clone()];
        let garbage = Garbage::of(Target::Volume(volume.clone()), volume.volume, reason);
        Garbage { files, removable_at, ..garbage }
    }
}

/// Bases without a marker, copies of disks, and logs and seeds of VMs that are gone, that nobody needs.
fn orphaned_volumes(inventory: &Inventory) -> Vec<OrphanedVolume> {
    let known = |pool: &str, name: &str| {
        inventory.files.volumes().any(|(other, volume)| other == pool && volume.name == name)
    };
    let is_alive = |mark: &str| {
        let of_stored = inventory.definitions.all_stored().iter().map(|domain| domain.uuid);
        let of_hidden = inventory.definitions.hidden().iter().map(|id| id.uuid);
        of_stored.chain(of_hidden).any(|uuid| file_mark(uuid) == mark)
    };
    let reason = |pool: &str, volume: &Volume| match volume.name.as_str() {
        // A commit that still goes on loses nothing: it has opened the volume.
        name if name.starts_with(commit::PREFIX) => Some(Reason::BrokenCommit),
        name if base::is_base(name) && !known(pool, &base::marker_name(name)) => Some(Reason::BrokenUpload),
        name if base::is_marker(name) && !known(pool, base::of_marker(name)) => Some(Reason::BrokenUpload),
        name => mark_of(name).filter(|mark| !is_alive(mark)).map(|_| Reason::Orphan),
    };
    let found = inventory.files.volumes().filter_map(|(pool, volume)| {
        let reason = reason(pool, volume)?;
        // Without a time it can't be told whether somebody is at it.
        let from = base::stale_from(volume.modified)?;
        let removable_at = (from >= SystemTime::now()).then(|| Timestamp::from(from));
        let (pool, name, path) = (pool.to_owned(), volume.name.clone(), volume.path.clone());
        Some(OrphanedVolume { volume: OwnedVolume { pool, volume: name, path }, reason, removable_at })
    });
    let is_needed =
        |left: &OrphanedVolume| !inventory.needed_by(&left.volume.path, &DeletionSet::default()).is_empty();
    found.filter(|left| !is_needed(left)).collect()
}

/// The part of its VM's UUID that the name of a log or seed bears: `NAME-XXXXXXXX.log` and its like.
fn mark_of(name: &str) -> Option<&str> {
    let log = name.rsplit_once(".log").filter(|(_, suffix)| {
        suffix.is_empty() || suffix.strip_prefix('.').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    let stem = log.map(|(stem, _)| stem).or(name.strip_suffix("-seed.img")).or(name.strip_suffix(".ign"))?;
    let (_, mark) = stem.rsplit_once('-')?;
    let is_hex = mark.len() == 8 && mark.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    is_hex.then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::mark_of;

    #[test]
    fn logs_and_seeds_bear_their_vms_mark_and_disks_are_left_alone() {
        for name in ["web-12ab34cd.log", "web-12ab34cd.log.0", "a-b-12ab34cd-seed.img", "web-12ab34cd.ign"] {
            assert_eq!(mark_of(name), Some("12ab34cd"), "{name}");
        }
        for name in
            ["web-12ab34cd.qcow2", "web-12ab34cd.img", "web.log", "web-12AB34CD.log", "x-12ab34cd.log.a"]
        {
            assert_eq!(mark_of(name), None, "{name}");
        }
    }
}
