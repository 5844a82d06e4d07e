//! Snapshots deleted, by plan.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::check::disks_of;
use super::images::keeps_snapshots;
use super::{SnapshotError, SnapshotStatus, Snapshots, not_found};
use crate::host::Creator;
use crate::libvirt::{self, DeleteScope, NewSnapshot, Object, Snapshot, SnapshotChange, SnapshotRecord};
use crate::manager::gc::Maker;
use crate::manager::retry::Retry;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, Step};
use crate::model::{Timestamp, Uuid};

/// How long libvirt may take to see that a QEMU has ended.
const ENDING: Duration = Duration::from_secs(10);

/// Which of a VM's snapshots are to be deleted.
#[derive(Debug, Clone, Default)]
pub struct SnapshotSelection {
    /// Their names.
    pub names: Vec<String>,
    /// And those of vmtools that are older than this.
    pub before: Option<Duration>,
    /// Also those that are pinned.
    pub force: bool,
}

/// What a deletion would do.
#[derive(Debug, Clone, Serialize)]
pub struct SnapshotDeletion {
    /// The VM.
    pub vm: String,
    /// Those that are deleted, each after those that were made after it.
    pub snapshots: Vec<SnapshotStatus>,
    /// Those that stay though they are old enough: they are pinned.
    pub kept: Vec<SnapshotStatus>,
    #[serde(skip)]
    uuid: Uuid,
    #[serde(skip)]
    force: bool,
}

/// A snapshot that was deleted.
#[derive(Debug, Clone, Serialize)]
pub struct DeletedSnapshot {
    /// The VM.
    pub vm: String,
    /// Its name.
    pub name: String,
}

impl Snapshots<'_> {
    /// What [`Snapshots::delete_each`] would do.
    ///
    /// # Errors
    /// [`SnapshotError::NotFound`]; [`SnapshotError::Pinned`] for one that is named.
    pub async fn plan_deletion(
        &self,
        vm: &str,
        selection: &SnapshotSelection,
    ) -> Result<SnapshotDeletion, Error> {
        let id = self.op.client().domains().resolve(vm).await?;
        let snapshots = self.op.client().snapshots().list(id.uuid).await?;
        let all = self.statuses(&id, &snapshots).await?;
        let known = || all.iter().map(|snapshot| snapshot.name.as_str());
        if let Some(name) = selection.names.iter().find(|name| known().all(|known| known != *name)) {
            return Err(not_found(&id.name, name, known()).into());
        }
        let is_named = |snapshot: &SnapshotStatus| selection.names.contains(&snapshot.name);
        let pinned = all.iter().filter(|snapshot| snapshot.pinned && is_named(snapshot) && !selection.force);
        let pinned: Vec<String> = pinned.map(|snapshot| snapshot.name.clone()).collect();
        if !pinned.is_empty() {
            return Err(SnapshotError::Pinned { vm: id.name, snapshots: pinned }.into());
        }
        let is_old = |snapshot: &SnapshotStatus| {
            let age = snapshot.created.map(Timestamp::elapsed);
            snapshot.managed && age.zip(selection.before).is_some_and(|(age, before)| age >= before)
        };
        let chosen = all.iter().rev().filter(|snapshot| is_named(snapshot) || is_old(snapshot)).cloned();
        let (kept, snapshots) = chosen.partition(|snapshot| snapshot.pinned && !selection.force);
        Ok(SnapshotDeletion { vm: id.name, snapshots, kept, uuid: id.uuid, force: selection.force })
    }

    /// Deletes the snapshots of a plan, as long as `on_result` says so after each. Each is looked at again first: one that is
    /// gone is fine, and one that was made since under its name, or pinned, stays.
    ///
    /// # Errors
    /// Passed to `on_result`, with the snapshot's name: [`SnapshotError::JobRunning`], [`SnapshotError::BeingMade`],
    /// [`VmError::HasChildren`](crate::manager::VmError::HasChildren) and
    /// [`VmError::Saved`](crate::manager::VmError::Saved) for external ones; when libvirt refuses.
    pub async fn delete_each(
        &self,
        plan: SnapshotDeletion,
        mut on_result: impl FnMut(&str, Result<DeletedSnapshot, Error>) -> bool,
    ) {
        let is_as_planned = |planned: &SnapshotStatus, now: &Snapshot| {
            let is_pinned = now.record.as_ref().is_some_and(|record| record.pinned);
            now.created == planned.created && (plan.force || !is_pinned)
        };
        for planned in &plan.snapshots {
            let deleted = self.delete_if(plan.uuid, planned, |now| is_as_planned(planned, now)).await;
            let deleted =
                deleted.map(|()| DeletedSnapshot { vm: plan.vm.clone(), name: planned.name.clone() });
            if !on_result(&planned.name, deleted) {
                return;
            }
        }
    }

    async fn delete_if(
        &self,
        uuid: Uuid,
        planned: &SnapshotStatus,
        is_meant: impl Fn(&Snapshot) -> bool,
    ) -> Result<(), Error> {
        self.op.check()?;
        let vm = self.op.claim_vm(&uuid.to_string()).await?;
        if !planned.recorded {
            self.refuse_busy(&vm.id, vm.state.is_active()).await?;
            self.remove_unrecorded(uuid, &planned.name).await?;
            return Ok(());
        }
        match self.op.client().snapshots().load(uuid, &planned.name).await {
            Ok(snapshot) if is_meant(&snapshot) => self.delete_claimed(&vm, &snapshot).await,
            Ok(_) => {
                let (vm, name) = (vm.id.name.clone(), planned.name.clone());
                Err(SnapshotError::Changed { vm, name }.into())
            }
            Err(libvirt::Error::NotFound { object: Object::Snapshot, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes one that `is_meant` still holds for, and nothing else: for `gc`.
    ///
    /// # Errors
    /// As [`Snapshots::delete_each`].
    pub(in crate::manager) async fn delete_garbage(
        &self,
        uuid: Uuid,
        name: &str,
        is_meant: impl Fn(&Snapshot) -> bool,
    ) -> Result<(), Error> {
        let vm = self.op.claim_vm(&uuid.to_string()).await?;
        match self.op.client().snapshots().load(uuid, name).await {
            Ok(snapshot) if is_meant(&snapshot) => self.delete_claimed(&vm, &snapshot).await,
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete_claimed(&self, vm: &Vm, snapshot: &Snapshot) -> Result<(), Error> {
        if matches!(super::maker_of(snapshot), Maker::AtWork) {
            let (vm, name) = (vm.id.name.clone(), snapshot.name.clone());
            return Err(SnapshotError::BeingMade { vm, name }.into());
        }
        self.refuse_busy(&vm.id, vm.state.is_active()).await?;
        // libvirt writes the overlay into the file below, which others may stand on, and what is saved was made on top.
        if snapshot.is_external() {
            vm.refuse_saved()?;
            self.refuse_children(vm.id.uuid, &vm.id.name).await?;
        }
        self.op.report(Event::Step { vm: &vm.id.name, step: Step::DeleteSnapshot });
        self.delete_marked(vm, &snapshot.name).await
    }

    /// libvirt deletes it disk by disk, and its document last. What is killed midway leaves a mark in that, by which `gc` and
    /// the next create find it and delete the rest.
    async fn delete_marked(&self, vm: &Vm, name: &str) -> Result<(), Error> {
        let (uuid, snapshots) = (vm.id.uuid, self.op.client().snapshots());
        let original = match snapshots.document(uuid, name).await {
            Ok(original) => original,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let maker = Creator::current().map(|creator| creator.to_string());
        snapshots.change(uuid, name, &SnapshotChange { maker, ..SnapshotChange::default() }).await?;
        let delete = async || match snapshots.delete(uuid, name, DeleteScope::All).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => Ok(other?),
        };
        let deleted = match self.op.while_daemon_restarts(delete).await {
            Err(error) if vm.state.is_active() && self.has_ended(uuid).await => {
                log::debug!("deleting the snapshot {name}, once more without its QEMU: {error}");
                self.op.while_daemon_restarts(delete).await
            }
            other => other,
        };
        match deleted {
            Err(Error::Libvirt(error)) if !error.is_connection() => {
                // It is not to be deleted later on, when nobody thinks of it any more.
                let _ = snapshots.redefine(uuid, &original).await;
                Err(error.into())
            }
            other => other,
        }
    }

    /// Whether the QEMU of a VM that ran has ended. For libvirt it runs a moment longer.
    async fn has_ended(&self, uuid: Uuid) -> bool {
        let mut retry = Retry::regardless(Instant::now() + ENDING);
        loop {
            match self.op.client().domains().state(uuid).await {
                Ok(state) if state.is_active() => {}
                other => return other.is_ok(),
            }
            let answers = self.op.client().snapshots().images(uuid).await.is_ok();
            if answers || !matches!(retry.again().await, Ok(true)) {
                return false;
            }
        }
    }

    /// Removes a snapshot from the VM's disks of which libvirt has no document; whether there was one. libvirt gets a
    /// document and deletes the snapshot by it: it may write to the files, be the VM on or off, where this user may not.
    ///
    /// # Errors
    /// When libvirt can't.
    pub(super) async fn remove_unrecorded(&self, uuid: Uuid, name: &str) -> Result<bool, Error> {
        let snapshots = self.op.client().snapshots();
        let state = self.op.client().domains().state(uuid).await?;
        let domain = match state.is_active() {
            true => self.op.client().definitions().current(uuid).await?,
            false => self.op.client().definitions().stored(uuid).await?,
        };
        let is_there = match state.is_active() {
            true => snapshots.images(uuid).await?.iter().any(|image| image.has(name)),
            false => {
                let tables = self.tables_by_any_means(&domain).await?;
                tables.iter().any(|table| table.has(name) == Some(true))
            }
        };
        if !is_there {
            return Ok(false);
        }
        // With a disk that can't have one by now it is still in the others.
        let disks = disks_of(&domain).unwrap_or_else(|_| {
            domain.disks.iter().map(|disk| (disk.target.clone(), keeps_snapshots(disk))).collect()
        });
        let record = SnapshotRecord::default();
        let new = NewSnapshot { name: name.to_owned(), description: None, record, disks };
        snapshots.record(uuid, &new, Timestamp::now()).await?;
        snapshots.delete(uuid, name, DeleteScope::All).await?;
        Ok(true)
    }
}

#[cfg(test)]
impl SnapshotDeletion {
    pub(crate) fn sample(vm: &str, snapshots: Vec<SnapshotStatus>, kept: Vec<SnapshotStatus>) -> Self {
        Self { vm: vm.to_owned(), snapshots, kept, uuid: Uuid::nil(), force: false }
    }
}
