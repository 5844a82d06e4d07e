//! A snapshot made.

use std::time::{Duration, Instant};

use super::check::{Form, disks_of};
use super::{MemoryObstacle, SnapshotError, SnapshotStatus, Snapshots};
use crate::libvirt::{
    self, DeleteScope, JobOperation, NewSnapshot, RefusalReason, SnapshotChange, SnapshotMade, SnapshotRecord,
};
use crate::manager::retry::{Retry, is_passing};
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, Left, Remnant, Step, Warning};
use crate::model::{SnapshotName, Timestamp, Uuid, VmState};

/// For the disks of a VM that is shut off: qemu-img writes a table, and counts each cluster once more.
const OFF: Duration = Duration::from_secs(300);
/// For a memory of no size.
const MEMORY: Duration = Duration::from_secs(120);
/// The slowest that a memory may be written; slower, QEMU hangs.
const SLOWEST_MIB_PER_SECOND: u64 = 5;
/// How long a snapshot that nobody wants any more may take to end, and be deleted.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a snapshot is to be.
#[derive(Debug, Clone, Default)]
pub struct SnapshotRequest {
    /// Its name; `None` for one by the time.
    pub name: Option<SnapshotName>,
    /// What is said of it.
    pub description: Option<String>,
    /// Whether it has the memory of a VM that runs; `None` where that is possible and holds the guest for half a minute at
    /// most.
    pub memory: Option<bool>,
    /// Whether the guest's file systems are frozen meanwhile. With its memory there is no need.
    pub quiesce: Quiesce,
    /// When `gc` may delete it, from now on.
    pub expires: Option<Duration>,
    /// Whether it is kept in any case.
    pub pinned: bool,
}

/// Whether a guest's file systems are frozen while its disks are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quiesce {
    /// If its agent can.
    #[default]
    Auto,
    /// Yes, or there is no snapshot.
    Yes,
    /// No.
    No,
}

/// Why there is no snapshot, and what there is of it.
pub(super) struct Unmade {
    pub(super) error: Error,
    pub(super) leaves: Leaves,
}

/// What there is of a snapshot that was not made. To delete more than that would delete another of the same name, which
/// libvirt or the disks had before.
pub(super) enum Leaves {
    /// Nothing.
    Nothing,
    /// libvirt's document, and for certain nothing in the disks.
    Document,
    /// No document, and it is in the disks if QEMU had done it before it ended.
    Disks,
    /// libvirt's document, and that.
    DocumentAndDisks,
    /// That, and it is in the disks or may be.
    All,
}

impl Unmade {
    /// What libvirt refuses it keeps no document of, but a QEMU that is killed may have done it. What libvirt gave no
    /// answer to it may still do.
    pub(super) fn by_libvirt(error: libvirt::Error) -> Self {
        let leaves = if error.is_connection() { Leaves::All } else { Leaves::Disks };
        Self { error: error.into(), leaves }
    }

    /// After it was made.
    pub(super) fn wholly(error: Error) -> Self {
        Self { error, leaves: Leaves::All }
    }
}

impl Snapshots<'_> {
    /// Makes a snapshot of the VM.
    ///
    /// # Errors
    /// Those of [`SnapshotError`](super::SnapshotError); [`VmError::Saved`](crate::manager::VmError::Saved). Then there is
    /// none, or the error says what is left. An interrupt while memory is saved counts when QEMU has done with it.
    pub async fn create(&self, vm: &str, request: &SnapshotRequest) -> Result<SnapshotStatus, Error> {
        let vm = self.op.claim_vm(vm).await?;
        self.check_state(&vm).await?;
        let existing = self.existing(&vm).await?;
        let name = self.free_name(&vm, request.name.as_ref(), &existing).await?;
        let disks = disks_of(vm.current())?;
        let form = self.choose_form(&vm, request).await?;
        self.check_firmware(&vm, form).await?;
        self.op.check()?;
        let record = SnapshotRecord {
            expires: request.expires.map(|span| Timestamp::now().after(span)),
            pinned: request.pinned,
            ..SnapshotRecord::default()
        };
        let new =
            NewSnapshot { name: name.to_string(), description: request.description.clone(), record, disks };
        self.op.report(Event::Step { vm: &vm.id.name, step: step_of(form) });
        match self.make(&vm, new, form, request).await {
            Ok(()) => self.show(&vm.id.uuid.to_string(), name.as_str()).await,
            Err(Unmade { error, leaves }) => Err(self.roll_back(&vm, name.as_str(), error, leaves).await),
        }
    }

    async fn make(
        &self,
        vm: &Vm,
        new: NewSnapshot,
        form: Form,
        request: &SnapshotRequest,
    ) -> Result<(), Unmade> {
        let (uuid, snapshots) = (vm.id.uuid, self.op.client().snapshots());
        match form {
            Form::Off => snapshots.create(uuid, &new, OFF).await.map_err(Unmade::by_libvirt)?,
            Form::Memory { mib } => {
                let within = MEMORY + Duration::from_secs(mib / SLOWEST_MIB_PER_SECOND);
                let begun = Instant::now();
                let created = snapshots.create_with_memory(uuid, &new, within).await;
                let held_ms = milliseconds(begun.elapsed());
                created.map_err(|error| self.unsaved(vm, mib, error))?;
                if vm.state == VmState::Running {
                    let made = Some(SnapshotMade { frozen: None, held_ms });
                    let change = SnapshotChange { made, ..SnapshotChange::default() };
                    let changed = snapshots.change(uuid, &new.name, &change).await;
                    changed.map_err(|error| Unmade::wholly(error.into()))?;
                }
            }
            Form::Disks => self.take_disks(vm, new, request.quiesce).await?,
        }
        self.op.check().map_err(Unmade::wholly)
    }

    /// What QEMU says of a disk that is full is not that it is.
    fn unsaved(&self, vm: &Vm, mib: u64, error: libvirt::Error) -> Unmade {
        let is_of_disk = matches!(
            error,
            libvirt::Error::NoSpace { .. }
                | libvirt::Error::Refused { reason: RefusalReason::MemoryUnwritten, .. }
        );
        match self.memory_space(vm.current(), mib).filter(|_| is_of_disk) {
            Some(MemoryObstacle::Space { available, path, .. }) => {
                let vm = vm.id.name.clone();
                let error = SnapshotError::DiskFull { vm, path, available, source: error };
                Unmade { error: error.into(), leaves: Leaves::Disks }
            }
            _ => Unmade::by_libvirt(error),
        }
    }

    /// A VM that ran goes on. libvirt pauses it while its memory is saved, and killed meanwhile leaves it so; QEMU pauses one
    /// whose disk is full, which is where its memory goes.
    async fn go_on(&self, vm: &Vm, error: &Error) {
        let client = self.op.client();
        if vm.state != VmState::Running {
            return;
        }
        let Ok(stats) = client.statistics().state(vm.id.uuid).await else { return };
        let is_paused = stats.state() == VmState::Paused;
        let was_lost = matches!(error, Error::Libvirt(error) if error.is_connection());
        let is_ours = stats.is_paused_by_saving() || was_lost && stats.is_paused_by_user();
        let goes_on = is_ours && client.domains().resume(vm.id.uuid).await.is_ok();
        if is_paused && !goes_on {
            self.op.report(Event::Warning(Warning::LeftPaused { vm: vm.id.name.clone() }));
        }
    }

    async fn roll_back(&self, vm: &Vm, name: &str, error: Error, leaves: Leaves) -> Error {
        let forgotten = match leaves {
            Leaves::Nothing => Ok(()),
            Leaves::Document => self.forget_document(vm.id.uuid, name).await,
            Leaves::Disks => self.forget_images(vm.id.uuid, name).await,
            Leaves::DocumentAndDisks => match self.forget_document(vm.id.uuid, name).await {
                Ok(()) => self.forget_images(vm.id.uuid, name).await,
                failed => failed,
            },
            Leaves::All => self.forget(vm.id.uuid, name).await,
        };
        self.go_on(vm, &error).await;
        match forgotten {
            Ok(()) => error,
            Err(reason) => {
                let what = Left::Snapshot { vm: vm.id.name.clone(), name: name.to_owned() };
                Error::LeftBehind { cause: Box::new(error), left: vec![Remnant::because(what, reason)] }
            }
        }
    }

    async fn forget_document(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let snapshots = self.op.client().snapshots();
        let delete = async || snapshots.delete(uuid, name, DeleteScope::Metadata).await;
        Ok(Retry::regardless(Instant::now() + PATIENCE).while_busy(delete).await.map(drop)?)
    }

    /// None of that name was in the disks before. One of which libvirt has a document is another's, made meanwhile.
    async fn forget_images(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let mut retry = Retry::regardless(Instant::now() + PATIENCE);
        loop {
            if self.op.client().snapshots().load(uuid, name).await.is_ok() {
                return Ok(());
            }
            match self.remove_unrecorded(uuid, name).await {
                // A QEMU that has just ended runs, for libvirt, a moment longer.
                Err(_) if matches!(retry.again().await, Ok(true)) => {}
                other => return other.map(drop),
            }
        }
    }

    /// Deletes what there is of a snapshot that was not finished: libvirt's document of it, and it in the disks, of which
    /// libvirt need not know. libvirt and QEMU may still be at it. Not to be cut off.
    async fn forget(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut retry = Retry::regardless(deadline);
        while self.is_being_saved(uuid).await && retry.again().await? {}
        let snapshots = self.op.client().snapshots();
        let delete = async || snapshots.delete(uuid, name, DeleteScope::All).await;
        Retry::regardless(deadline).while_busy(delete).await?;
        self.remove_unrecorded(uuid, name).await.map(drop)
    }

    /// Whether libvirt or QEMU is at a snapshot of it, or libvirt can't say so yet.
    async fn is_being_saved(&self, uuid: Uuid) -> bool {
        let client = self.op.client();
        match client.jobs().current(uuid).await {
            Ok(Some(job)) => job.operation == Some(JobOperation::Snapshot),
            // What the daemon before this one had begun.
            Ok(None) => client.snapshots().is_saving(uuid).await.unwrap_or(false),
            Err(error) => is_passing(&error),
        }
    }
}

fn step_of(form: Form) -> Step {
    match form {
        Form::Memory { .. } => Step::SnapshotMemory,
        Form::Off | Form::Disks => Step::SnapshotDisks,
    }
}

pub(super) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
