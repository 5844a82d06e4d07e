//! The clone, a transaction as the create is: checks, then acts, each with its undo.
//!
//! ```text
//! checks -> define (name claimed, marked "creating") -> files -> was the source left alone? -> start -> mark off
//! ```
//!
//! A full clone has files of its own. A disk that stands on nothing, or only on one of vmtools' bases, is
//! copied as the file that it is, so the base stays shared (it is never written, and counts as needed): that
//! is far less than the whole chain. One that stands on anything else is flattened, since a full clone is to
//! need nobody. A file that holds more than its disk shows, such as snapshots, is written anew without that. A linked
//! clone gets an empty overlay on each disk of its parent.

pub(super) mod copying;
mod error;
mod fork;
mod identity;
mod live;
mod plan;

pub use error::{CloneError, LiveCopyFault};
use fork::Forking;
pub use fork::{ForkError, ForkObstacle};
pub(super) use fork::{is_fork_overlay, put_back};
pub(super) use plan::is_encrypted;

use crate::libvirt::{self, Disk, Domain, Scope};
use crate::manager::claim::Subject;
use crate::manager::create::Creation;
use crate::manager::power::Power;
use crate::manager::storage::Storage;
use crate::manager::undo::UndoStack;
use crate::manager::{Step, VmError};
use crate::model::{Uuid, VmName, VmState};
use plan::{ClonePlan, Kind};

use super::create::{Failure, not_claimed};
use super::{Error, Event, VmStatus, WaitFor};
use crate::manager::operation::noun;
use crate::manager::vm::Vm;

/// A VM to be cloned from another.
#[derive(Debug, Clone)]
pub struct CloneRequest {
    /// The VM that it is made of.
    pub source: String,
    /// Its name.
    pub name: VmName,
    /// How its disks come about.
    pub mode: CloneMode,
    /// Whether its guest stays who the source's is; its network interfaces keep their addresses then, too.
    pub keep_identity: bool,
    /// Whether to start it.
    pub start: bool,
    /// What to wait for after the start.
    pub wait: Option<WaitFor>,
}

/// How a clone's disks come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloneMode {
    /// Copied, of a source that is shut off.
    Full,
    /// As overlays on those of the source, which is shut off and stays so as long as the clone is there.
    Linked,
    /// Copied of a running source, as they were at one moment.
    Live,
    /// The same, and with them the source's memory: the guest goes on where the source's was, with an identity of its own.
    Fork,
}

/// How a source in this state is copied.
fn mode_for(source: &Vm, asked: CloneMode) -> Result<CloneMode, VmError> {
    match (asked, source.state) {
        // One that has gone off meanwhile needs no more.
        (CloneMode::Live, VmState::Shutoff) => source.refuse_on().map(|()| CloneMode::Full),
        (CloneMode::Live, VmState::Running | VmState::Paused) => Ok(asked),
        (CloneMode::Live, _) => Err(VmError::NotRunning { name: source.id.name.clone() }),
        // What the disks of a saved one lack is in its memory.
        _ => source.refuse_on().map(|()| asked),
    }
}

fn not_clonable(source: &Domain, cause: libvirt::NotCopyable) -> Error {
    CloneError::NotClonable { name: source.name.clone(), cause }.into()
}

noun! {
    /// A VM cloned from another.
    Cloning
}

impl Cloning<'_> {
    /// Makes a VM of another, starts it and waits for it, as requested.
    ///
    /// # Errors
    /// [`VmError::Exists`]; [`VmError::NotOff`] for a running source; [`CloneError::SourceChanged`]; [`StorageError::NoSpace`];
    /// [`CloneError::NotCopyable`]; [`CloneError::NotClonable`]; [`StorageError::Forged`]; [`VmError::Saved`];
    /// [`image::Error::InUse`](crate::image::Error::InUse) when a process that libvirt does not know writes to its
    /// files. On every error, and when the user interrupts, all that was made is rolled back; only a wait that ran out
    /// of time leaves the VM.
    pub(in crate::manager) async fn clone_vm(&self, request: &CloneRequest) -> Result<VmStatus, Error> {
        if request.mode == CloneMode::Fork {
            return Forking::of(self.op).fork_vm(request).await;
        }
        let mut undo = UndoStack::new(self.op);
        let mut folders = copying::Folders::default();
        let made = self.clone_steps(request, &mut undo, &mut folders).await;
        self.close_folders(folders).await;
        Creation::of(self.op).conclude(undo, made).await
    }

    async fn clone_steps(
        &self,
        request: &CloneRequest,
        undo: &mut UndoStack<'_>,
        folders: &mut copying::Folders,
    ) -> Result<Uuid, Failure> {
        let id = self.op.client().domains().resolve(&request.source).await.map_err(Error::from)?;
        // While it is forked its definition names overlays that will be gone.
        let _disks = self.op.claim_shared(Subject::LiveDisks(id.uuid), &id.name).await?;
        let vm = self.op.claim_vm_shared(&request.source).await?;
        let request =
            &CloneRequest { mode: mode_for(&vm, request.mode).map_err(Error::from)?, ..request.clone() };
        let source = &vm.stored;
        self.refuse_taken(&request.name).await?;
        let plan = self.plan_clone(request, source, folders).await?;
        if request.mode != CloneMode::Live {
            self.refuse_written(source, &plan)?;
        }
        let uuid = plan.copy.uuid;
        self.clone_step(request, Step::ClaimName)?;
        let complete = self.op.client().definitions().complete(source.uuid).await.map_err(Error::from)?;
        let definition = plan.copy.definition(&complete).map_err(|cause| not_clonable(source, cause))?;
        undo.will_define(uuid);
        // Done twice it claims no more: the UUID is the same.
        let claim = async || self.op.client().definitions().define(&definition).await.map_err(not_claimed);
        self.op.while_daemon_restarts(claim).await?;
        for log in &plan.logs {
            undo.will_make(log);
        }
        self.copy_files(request, source, &plan, undo, folders).await?;
        self.op.check()?;
        if request.start {
            self.clone_step(request, Step::Start)?;
            undo.will_start(uuid);
            Power::of(self.op).power_on(uuid).await?;
        }
        if let (true, Some(wait)) = (request.start, &request.wait) {
            let domain = self.op.client().definitions().current(uuid).await.map_err(Error::from)?;
            Creation::of(self.op).wait_or_keep(&domain, wait).await?;
        }
        self.op.check()?;
        self.op.while_daemon_restarts(|| self.mark_made(uuid, request.start)).await?;
        Ok(uuid)
    }

    /// The clone's files, made of the source's, which must not change meanwhile.
    async fn copy_files(
        &self,
        request: &CloneRequest,
        source: &Domain,
        plan: &ClonePlan,
        undo: &mut UndoStack<'_>,
        folders: &mut copying::Folders,
    ) -> Result<(), Error> {
        match request.mode {
            CloneMode::Linked => {
                // From here on vmtools doesn't start the parent. No mark is ever taken off.
                if !source.is_parent() {
                    self.op
                        .while_daemon_restarts(async || {
                            Ok(self.op.client().metadata().mark_parent(source.uuid).await?)
                        })
                        .await?;
                }
                self.make_files(request, plan, undo, folders).await?;
                self.source_is_idle(source, plan).await?;
            }
            CloneMode::Full => {
                let before = self.op.while_daemon_restarts(|| self.traces(plan)).await?;
                self.source_is_idle(source, plan).await?;
                self.make_files(request, plan, undo, folders).await?;
                self.source_is_idle(source, plan).await?;
                if self.op.while_daemon_restarts(|| self.traces(plan)).await? != before {
                    return Err(CloneError::SourceChanged { name: source.name.clone() }.into());
                }
            }
            CloneMode::Live | CloneMode::Fork => {
                self.make_files(request, plan, undo, folders).await?;
                self.copy_live(request, source, plan).await?;
            }
        }
        Ok(())
    }

    /// Takes the mark off, if that has not happened before the daemon could say so.
    async fn mark_made(&self, uuid: Uuid, active: bool) -> Result<(), Error> {
        match self.op.client().metadata().clear_creating(uuid, active).await {
            Err(error) if error.is_connection() => Err(error.into()),
            Err(error) if self.op.client().definitions().stored(uuid).await?.creator().is_some() => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// The name is free, as things stand; `define` decides.
    async fn refuse_taken(&self, name: &VmName) -> Result<(), Error> {
        match self.op.client().domains().list(Scope::All).await?.iter().any(|id| id.name == name.as_str()) {
            true => Err(VmError::Exists { name: name.to_string() }.into()),
            false => Ok(()),
        }
    }

    /// A source that was started, or whose disks are written meanwhile, gives no copy of one moment.
    async fn source_is_idle(&self, source: &Domain, plan: &ClonePlan) -> Result<(), Error> {
        match self
            .op
            .while_daemon_restarts(async || Ok(self.op.client().domains().state(source.uuid).await?))
            .await?
        {
            VmState::Shutoff => self.refuse_written(source, plan),
            _ => Err(CloneError::SourceChanged { name: source.name.clone() }.into()),
        }
    }

    /// libvirt knows nothing of what others do with the files of a VM that is shut off.
    fn refuse_written(&self, source: &Domain, plan: &ClonePlan) -> Result<(), Error> {
        for new_file in &plan.new_files {
            let has_path = |disk: &&Disk| disk.path.as_ref() == Some(&new_file.from);
            let disk = source.disks.iter().find(has_path);
            let format = disk.and_then(|disk| disk.format.as_deref());
            Storage::of(self.op).refuse_written(&new_file.from, format)?;
        }
        Ok(())
    }

    fn clone_step(&self, request: &CloneRequest, step: Step) -> Result<(), Error> {
        self.op.check()?;
        self.op.report(Event::Step { vm: request.name.as_str(), step });
        Ok(())
    }

    async fn make_files(
        &self,
        request: &CloneRequest,
        plan: &ClonePlan,
        undo: &mut UndoStack<'_>,
        folders: &mut copying::Folders,
    ) -> Result<(), Error> {
        let copies = plan.new_files.iter().any(|new_file| matches!(new_file.kind, Kind::Copy { .. }));
        self.clone_step(request, if copies { Step::CopyDisks } else { Step::MakeDisks })?;
        let (mut made_here, mut written) = (Vec::new(), Vec::new());
        for new_file in &plan.new_files {
            self.op.check()?;
            undo.will_make(&new_file.to);
            if plan.is_folder_here && self.make_here(request, new_file, &mut written).await? {
                made_here.push(new_file);
            } else {
                self.make_by_libvirt(request, new_file, folders).await?;
            }
        }
        // The disk's work and libvirt's take their time beside each other.
        let (synced, known) =
            tokio::join!(copying::sync(written), self.introduce(request, &made_here, folders));
        synced.and(known)
    }
}
