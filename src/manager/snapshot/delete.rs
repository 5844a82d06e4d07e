//! Snapshots deleted, by plan.

use std::time::Duration;

use serde::Serialize;

use super::check::disks_of;
use super::images::keeps_snapshots;
use super::{SnapshotError, SnapshotStatus, Snapshots, not_found};
use crate::libvirt::{self, DeleteScope, NewSnapshot, Object, Snapshot, SnapshotRecord};
use crate::manager::gc::Maker;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, Step};
use crate::model::{Timestamp, Uuid};

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
        let snapshots = self.op.client().snapshots();
        match snapshots.delete(vm.id.uuid, &snapshot.name, DeleteScope::All).await {
            Err(libvirt::Error::NotFound { object: Object::Snapshot, .. }) => Ok(()),
            other => Ok(other?),
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
