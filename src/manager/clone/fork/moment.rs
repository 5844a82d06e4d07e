//! A running VM's memory and disks as they are at one moment, and its way back to its own disks.

use std::time::{Duration, Instant};

use super::Forking;
use crate::libvirt::{Domain, JobOperation, LiveOverlay, MetadataChange, OwnedVolume};
use crate::manager::change::Changes;
use crate::manager::clone::CloneRequest;
use crate::manager::clone::plan::{ClonePlan, Kind};
use crate::manager::operation::Operation;
use crate::manager::retry::{Retry, is_passing};
use crate::manager::storage::{Storage, file_mark};
use crate::manager::undo::UndoStack;
use crate::manager::warm::WarmFolder;
use crate::manager::{Error, Left, Step, StorageError, VmError};
use crate::model::Uuid;

/// How long the memory may take to be written: a guest that writes to it faster is not waited for.
const SNAPSHOT: Duration = Duration::from_secs(600);
/// How long a snapshot that was cancelled may take to end, and libvirt may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// In the names of overlays, before a part of the fork's UUID.
const MARK: &str = "-fork-";

/// Whether a volume of this name is an overlay that takes a VM's writes while it is forked.
pub(in crate::manager) fn is_fork_overlay(volume: &str) -> bool {
    let mark = volume.strip_suffix(".qcow2").and_then(|name| name.rsplit_once(MARK));
    mark.is_some_and(|(_, mark)| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        mark.len() == 8 && mark.bytes().all(is_digit)
    })
}

impl<'a> Forking<'a> {
    /// Has the source's memory written to the directory, and its disks left alone from that moment on. Gives the overlays that
    /// take its writes.
    pub(super) async fn snapshot(
        &self,
        request: &CloneRequest,
        source: &Domain,
        plan: &ClonePlan,
        folder: &WarmFolder,
        undo: &mut UndoStack<'a>,
    ) -> Result<Vec<OwnedVolume>, Error> {
        let (op, uuid) = (self.op, source.uuid);
        let disks = overlays(source, plan);
        let owned: Vec<OwnedVolume> = disks.iter().filter_map(|(_, overlay)| overlay.clone()).collect();
        self.cloning().clone_step(request, Step::SaveState)?;
        let left =
            owned.iter().map(|overlay| Left::Overlay { vm: source.name.clone(), path: overlay.path.clone() });
        let going = owned.clone();
        undo.will(left.collect(), async move { put_back(op, uuid, &going).await });
        // First of all: what is killed midway leaves files that the source owns.
        let change = MetadataChange { owned: owned.clone(), ..MetadataChange::default() };
        Changes::of(op).change_record(uuid, &change).await?;
        let disks: Vec<LiveOverlay> = disks
            .into_iter()
            .map(|(target, overlay)| LiveOverlay { target, file: overlay.map(|overlay| overlay.path) })
            .collect();
        let memory = folder.memory_file(plan.copy.uuid);
        let memory = memory.to_string_lossy();
        let snapshot = async { Ok(op.client().jobs().snapshot(uuid, &memory, &disks, SNAPSHOT).await?) };
        op.race(snapshot).await?;
        Ok(owned)
    }
}

/// The source's disks, each with the overlay that it gets if it is copied.
fn overlays(source: &Domain, plan: &ClonePlan) -> Vec<(String, Option<OwnedVolume>)> {
    let is_copied = |path: &str| {
        plan.new_files.iter().any(|file| file.from == path && matches!(file.kind, Kind::Copy { .. }))
    };
    let overlay = |target: &str| {
        // The source's name may be one that no file can have.
        let name = source
            .name
            .parse::<crate::model::VmName>()
            .map_or_else(|_| "vm".to_owned(), |name| name.to_string());
        let marks = (file_mark(source.uuid), file_mark(plan.copy.uuid));
        let volume = format!("{name}-{}-{target}{MARK}{}.qcow2", marks.0, marks.1);
        let path = format!("{}/{volume}", plan.pool.path);
        OwnedVolume { pool: plan.pool.name.clone(), volume, path }
    };
    let each = source.disks.iter().map(|disk| {
        let is_copied = disk.path.as_deref().is_some_and(is_copied);
        (disk.target.clone(), is_copied.then(|| overlay(&disk.target)))
    });
    each.collect()
}

/// Puts a running VM back on the disks that it had before its writes went to these overlays, which it owns, and removes
/// them. What has happened already is fine. Not to be cut off, nor is it by an interrupt.
///
/// # Errors
/// When the VM does not run, or QEMU can't: then it is still on an overlay, and owns it.
pub(in crate::manager) async fn put_back(
    op: Operation<'_>,
    uuid: Uuid,
    overlays: &[OwnedVolume],
) -> Result<(), Error> {
    end_snapshot(op, uuid).await;
    let deadline = Instant::now() + PATIENCE;
    for overlay in overlays {
        commit(op, uuid, overlay, deadline).await?;
    }
    let removed = Storage::of(op).remove_volumes(overlays, deadline).await;
    removed.map_err(|left| Error::LeftBehind {
        cause: Box::new(StorageError::NotRemoved { name: names(overlays) }.into()),
        left,
    })?;
    let disown = overlays.iter().map(|overlay| overlay.path.clone()).collect();
    let change = MetadataChange { disown, ..MetadataChange::default() };
    match Changes::of(op).change_record(uuid, &change).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

async fn commit(
    op: Operation<'_>,
    uuid: Uuid,
    overlay: &OwnedVolume,
    deadline: Instant,
) -> Result<(), Error> {
    let client = op.client();
    let mut retry = Retry::regardless(deadline);
    loop {
        let domain = match client.definitions().current(uuid).await {
            Ok(domain) => domain,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if is_passing(&error) && matches!(retry.again().await, Ok(true)) => continue,
            Err(error) => return Err(error.into()),
        };
        let on_it = |path: &Option<String>| path.as_deref() == Some(overlay.path.as_str());
        let Some(disk) = domain.disks.iter().find(|disk| on_it(&disk.path)) else { return Ok(()) };
        if !client.domains().state(uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: domain.name }.into());
        }
        let Err(error) = client.jobs().commit_overlay(uuid, &disk.target).await else { continue };
        // One that was cut off before its end is still there, and only has to be ended.
        if client.jobs().end_commit(uuid, &disk.target).await.is_err()
            && !matches!(retry.again().await, Ok(true))
        {
            return Err(error.into());
        }
    }
}

/// Cancels a snapshot that goes on though nobody waits for it any more.
async fn end_snapshot(op: Operation<'_>, uuid: Uuid) {
    let mut retry = Retry::regardless(Instant::now() + PATIENCE);
    let is_snapshot = async || {
        let job = op.client().jobs().current(uuid).await;
        job.is_ok_and(|job| job.is_some_and(|job| job.operation == Some(JobOperation::Snapshot)))
    };
    while is_snapshot().await {
        let _ = op.client().jobs().abort(uuid).await;
        if !matches!(retry.again().await, Ok(true)) {
            return;
        }
    }
}

fn names(volumes: &[OwnedVolume]) -> String {
    volumes.iter().map(|volume| volume.volume.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::is_fork_overlay;

    #[test]
    fn overlays_are_told_by_their_names() {
        assert!(is_fork_overlay("web-12ab34cd-vda-fork-0123abcd.qcow2"));
        for other in [
            "web-12ab34cd.qcow2",
            "web-fork-12ab34cd.img",
            "a-fork-1.qcow2",
            "web-fork-12ab34cd-seed.img",
            "web-fork-12AB34CD.qcow2",
        ] {
            assert!(!is_fork_overlay(other), "{other}");
        }
    }
}
