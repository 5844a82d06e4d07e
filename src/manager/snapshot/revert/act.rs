//! The revert itself.

use std::path::Path;
use std::time::Duration;

use super::{RevertError, RevertPlan, RevertRequest, Reverted, Reverts, Settled};
use crate::host::Creator;
use crate::image;
use crate::libvirt::{
    self, Domain, DomainId, RevertMark, RevertOptions, RevertTo, Snapshot, SnapshotDiskKind, SnapshotDocument,
};
use crate::manager::guest::GuestAgent;
use crate::manager::network::Networks;
use crate::manager::power::Power;
use crate::manager::snapshot::{SnapshotRequest, Snapshots};
use crate::manager::vm::Vm;
use crate::manager::{AgentError, Error, Event, Step, Warning};
use crate::model::{Timestamp, VmState};

/// For a revert of disks alone, and the start of a QEMU.
const REVERT: Duration = Duration::from_secs(300);
/// The slowest that a memory may be read.
const SLOWEST_MIB_PER_SECOND: u64 = 5;
/// How long the agent of a guest that goes on may take to answer.
const CLOCK: Duration = Duration::from_secs(5);

impl Reverts<'_> {
    /// Brings the VM back to a snapshot. Its record, labels and protection stay what they are now.
    ///
    /// # Errors
    /// [`RevertError`]; [`SnapshotError`](super::super::SnapshotError); [`VmError::HasChildren`](crate::manager::VmError);
    /// [`DiskError::FileMissing`](crate::manager::DiskError). All but [`RevertError::Failed`] before anything is done.
    pub async fn revert(&self, request: &RevertRequest) -> Result<Reverted, Error> {
        let saved_as = match &request.save_first {
            Some(name) => Some(self.save_present(request, name.clone()).await?),
            None => None,
        };
        let vm = self.op.claim_vm(&request.vm).await?;
        let (snapshot, plan) = self.check(&vm, request).await?;
        self.ready_networks(&plan, &snapshot, &vm, request).await?;
        self.op.check()?;
        self.op.report(Event::Step { vm: &vm.id.name, step: Step::Revert });
        self.remove_checkpoints(&vm, &snapshot, &plan.checkpoints).await?;
        if plan.discards_saved {
            self.op.client().snapshots().discard_saved(vm.id.uuid).await?;
        }
        let original = self.prepare(&vm, &snapshot, plan.state_after, request.keeps_config).await?;
        // From here on it goes on to the end, whatever the user asks for.
        let clock_set = match self.revert_by_libvirt(&vm, &snapshot, plan.state_after).await {
            Ok(()) => {
                let clock_set = self.power_after(&vm.id, plan.state_after, snapshot.has_memory).await?;
                let end = async || self.end(vm.id.uuid, Some(&original)).await;
                self.op.while_daemon_restarts(end).await?;
                clock_set
            }
            Err(error) if error.is_connection() => self.outlast(&vm, error).await?,
            Err(error) => return Err(self.give_up(&vm, &snapshot.name, &original, error).await),
        };
        let state = self.op.client().domains().state(vm.id.uuid).await?;
        Ok(Reverted { plan, state, saved_as, clock_set })
    }

    async fn revert_by_libvirt(
        &self,
        vm: &Vm,
        snapshot: &Snapshot,
        then: VmState,
    ) -> Result<(), libvirt::Error> {
        let (uuid, name, client) = (vm.id.uuid, &snapshot.name, self.op.client());
        let options = options(then, snapshot);
        match client.snapshots().revert(uuid, name, options).await {
            // Its QEMU has ended before it had read all, and so the disks are the ones or the others: once more.
            Err(error) if !error.is_connection() && (then.is_active() || snapshot.has_memory) => {
                match client.domains().state(uuid).await {
                    Ok(state) if !state.is_active() => client.snapshots().revert(uuid, name, options).await,
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    /// After the daemon was lost midway: once it is back the revert is settled at once. Gives whether the clock was set.
    async fn outlast(&self, vm: &Vm, error: libvirt::Error) -> Result<Option<bool>, Error> {
        match self.op.while_daemon_restarts(async || self.settle(vm.id.uuid).await).await {
            Ok(Some((Settled::Reverted, clock_set))) => Ok(clock_set),
            _ => Err(error.into()),
        }
    }

    async fn save_present(
        &self,
        request: &RevertRequest,
        name: Option<crate::model::SnapshotName>,
    ) -> Result<String, Error> {
        // Before anything is made: what keeps the revert from being done is said.
        self.plan(request).await?;
        let description = Some(format!("before the revert to {}", request.snapshot));
        let new = SnapshotRequest { name, description, ..SnapshotRequest::default() };
        Ok(Snapshots::of(self.op).create(&request.vm, &new).await?.name)
    }

    /// As for a start.
    async fn ready_networks(
        &self,
        plan: &RevertPlan,
        snapshot: &Snapshot,
        vm: &Vm,
        request: &RevertRequest,
    ) -> Result<(), Error> {
        if !plan.state_after.is_active() && !snapshot.has_memory {
            return Ok(());
        }
        let then = snapshot.domain();
        let domain: &Domain = if request.keeps_config && !snapshot.has_memory { &vm.stored } else { &then };
        for network in domain.interfaces.iter().filter(|interface| interface.kind == "network") {
            let name = network.source.as_deref().unwrap_or_default();
            Networks::of(self.op).ready_network(name, None, true).await?;
        }
        if self.op.locality().is_session() && self.op.locality().is_here() {
            crate::host::ready_session_qmp_folder();
        }
        Ok(())
    }

    /// QEMU goes back to no snapshot while a disk has a bitmap: a VM that runs would end (QEMU 10.0: "Device has active
    /// dirty bitmaps").
    async fn remove_checkpoints(
        &self,
        vm: &Vm,
        snapshot: &Snapshot,
        checkpoints: &[String],
    ) -> Result<(), Error> {
        let (uuid, active) = (vm.id.uuid, vm.state.is_active());
        let snapshots = self.op.client().snapshots();
        for checkpoint in checkpoints {
            match snapshots.delete_checkpoint(uuid, checkpoint, active).await {
                // One whose bitmap is gone.
                Err(error) if active && !error.is_connection() => {
                    snapshots.delete_checkpoint(uuid, checkpoint, false).await?;
                }
                other => other?,
            }
        }
        if active || checkpoints.is_empty() || !self.op.locality().is_here() {
            return Ok(());
        }
        for disk in vm.stored.disks.iter().filter(|disk| {
            let mut kept = snapshot.disks.iter();
            kept.any(|kept| kept.target == disk.target && kept.kind == SnapshotDiskKind::Internal)
        }) {
            let Some(path) = &disk.path else { continue };
            for bitmap in checkpoints {
                if image::remove_bitmap(Path::new(path), bitmap).await.is_err() {
                    let (path, bitmap) = (path.clone(), bitmap.clone());
                    return Err(RevertError::Bitmap { path, bitmap }.into());
                }
            }
        }
        Ok(())
    }

    /// Notes the snapshot's document, gives it what is to stay, and marks the VM.
    async fn prepare(
        &self,
        vm: &Vm,
        snapshot: &Snapshot,
        then: VmState,
        keeps_config: bool,
    ) -> Result<SnapshotDocument, Error> {
        let (uuid, client) = (vm.id.uuid, self.op.client());
        // One that was killed before it had marked the VM may have left another document of it.
        if let Some(original) = self.noted(uuid) {
            self.end(uuid, Some(&original)).await?;
        }
        let original = client.snapshots().document(uuid, &snapshot.name).await?;
        let present = client.definitions().complete(uuid).await?;
        let mark = RevertMark {
            snapshot: snapshot.name.clone(),
            is_done: true,
            was: vm.state,
            then,
            since: Some(Timestamp::now()),
            by: Creator::current().map(|creator| creator.to_string()).unwrap_or_default(),
        };
        self.note(uuid, &original)?;
        let prepared = original.prepared(&present, &mark, keeps_config);
        let begun = RevertMark { is_done: false, ..mark };
        let marked = async {
            client.snapshots().redefine(uuid, &prepared).await?;
            client.metadata().mark_reverting(uuid, &begun, vm.state.is_active()).await
        };
        match marked.await {
            Ok(()) => Ok(original),
            Err(error) => {
                // Where the daemon was lost it may have done the one, or both.
                let undo = async || self.end(uuid, Some(&original)).await;
                let _ = self.op.while_daemon_restarts(undo).await;
                Err(error.into())
            }
        }
    }

    /// After libvirt has refused.
    async fn give_up(
        &self,
        vm: &Vm,
        name: &str,
        original: &SnapshotDocument,
        error: libvirt::Error,
    ) -> Error {
        let state = self.op.client().domains().state(vm.id.uuid).await;
        let _ = self.end(vm.id.uuid, Some(original)).await;
        match state {
            Ok(state) => {
                RevertError::Failed { vm: vm.id.name.clone(), name: name.to_owned(), state, source: error }
                    .into()
            }
            Err(_) => error.into(),
        }
    }

    /// Powers the VM off, or does what its start would do besides. Gives whether the guest's clock was set, if that was
    /// behind.
    pub(super) async fn power_after(
        &self,
        vm: &DomainId,
        then: VmState,
        has_memory: bool,
    ) -> Result<Option<bool>, Error> {
        let domains = self.op.client().domains();
        if !domains.state(vm.uuid).await?.is_active() {
            return Ok(None);
        }
        if then == VmState::Shutoff && has_memory {
            domains.destroy(vm.uuid).await?;
            crate::host::remove_vm_sockets(vm.uuid);
            return Ok(None);
        }
        let running = self.op.client().definitions().current(vm.uuid).await?;
        Power::of(self.op).forward_by_slirp(&running).await?;
        if !has_memory || then != VmState::Running {
            return Ok(None);
        }
        let is_set = self.set_clock(&running).await?;
        if !is_set {
            self.op.report(Event::Warning(Warning::ClockBehind { vm: vm.name.clone() }));
        }
        Ok(Some(is_set))
    }

    /// The guest goes on at the time at which it was saved.
    async fn set_clock(&self, running: &Domain) -> Result<bool, Error> {
        if !running.has_agent_channel {
            return Ok(false);
        }
        let agent = GuestAgent::of(self.op).second_client(running.uuid);
        let mut retry = self.op.retry(CLOCK);
        loop {
            match agent.set_time_to_now().await {
                Ok(()) => return Ok(true),
                // libvirt learns only from an event of QEMU's that the agent has the channel open.
                Err(AgentError::Absent { .. }) if matches!(retry.again().await, Ok(true)) => {}
                Err(_) => return Ok(false),
            }
        }
    }
}

/// What libvirt is asked for, so that the VM does that then.
pub(super) fn options(then: VmState, snapshot: &Snapshot) -> RevertOptions {
    let state = match then {
        VmState::Running => Some(RevertTo::Running),
        VmState::Paused => Some(RevertTo::Paused),
        // With a memory libvirt can't but go on with it.
        _ => None,
    };
    let mib = if snapshot.has_memory { snapshot.domain().memory_mib } else { 0 };
    let within = REVERT + Duration::from_secs(mib / SLOWEST_MIB_PER_SECOND);
    // libvirt wants to be told that another QEMU is started, and that nothing saved is in the way.
    RevertOptions { state, force: true, within }
}
