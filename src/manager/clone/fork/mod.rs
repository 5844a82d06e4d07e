//! The fork: a new VM that goes on from where a running one was at one moment. That one runs on.
//!
//! ```text
//! checks ─ define (name claimed) ─┬─ snapshot: memory -> file, writes -> overlays ─ copy of the disks ─ overlays committed
//!                                 │  the source runs on                                                and removed
//!                                 └─ memory file, as this VM's ─ restore, paused ─ links down ─ resume ─ identity
//!                                                                          ─ old interfaces out, its own in ─ mark off
//! ```
//!
//! **The source is whole at every moment.** The overlays are recorded as its own before they are made, so that whatever is
//! killed midway leaves a VM that runs on files that go with it, and `gc` puts it back on its own disks.
//!
//! **Identity is not optional.** Until the guest has said that the new identity is in place, the new VM has no link to any
//! network: its guest has the source's addresses and connections. If it does not say so the VM is destroyed.
//!
//! The memory file holds the guest's secrets. It is its owner's alone, in the directory of the warm states, and is removed as
//! soon as QEMU has read it.

mod check;
mod error;
mod guest;
mod moment;

pub use error::{ForkError, ForkObstacle};
pub(in crate::manager) use moment::{is_fork_overlay, put_back};

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::plan::ClonePlan;
use super::{CloneRequest, Cloning, copying};
use crate::libvirt::{Domain, SaveImage};
use crate::manager::claim::{Claim, Subject};
use crate::manager::create::{Creation, Failure, not_claimed};
use crate::manager::operation::noun;
use crate::manager::power::Power;
use crate::manager::undo::UndoStack;
use crate::manager::warm::{WarmFolder, WarmStates};
use crate::manager::{Error, Left, Step, StorageError, VmStatus};
use crate::model::Uuid;
use guest::ForkedGuest;

/// How long QEMU may take to load the memory; under load its start alone may take ten seconds.
const RESTORE: Duration = Duration::from_secs(180);

/// The claims on the source.
#[derive(Default)]
struct Held {
    vm: Option<Claim>,
    disks: Option<Claim>,
}

noun! {
    /// A VM that goes on from where a running one was.
    Forking
}

impl<'a> Forking<'a> {
    /// Makes it, and starts it.
    ///
    /// # Errors
    /// Then all is rolled back, and the source runs on as before; only a wait that ran out of time leaves the fork.
    pub(super) async fn fork_vm(&self, request: &CloneRequest) -> Result<VmStatus, Error> {
        let mut undo = UndoStack::new(self.op);
        let mut folders = copying::Folders::default();
        // Also while it is rolled back: nobody is to change the source before it is on its own disks.
        let mut held = Held::default();
        let made = self.fork_steps(request, &mut undo, &mut folders, &mut held).await;
        self.cloning().close_folders(folders).await;
        Creation::of(self.op).conclude(undo, made).await
    }

    /// What it has in common with other clones.
    fn cloning(&self) -> Cloning<'a> {
        Cloning::of(self.op)
    }

    async fn fork_steps(
        &self,
        request: &CloneRequest,
        undo: &mut UndoStack<'a>,
        folders: &mut copying::Folders,
        held: &mut Held,
    ) -> Result<Uuid, Failure> {
        let id = self.op.client().domains().resolve(&request.source).await.map_err(Error::from)?;
        // Before its definition is read: during another fork that names overlays.
        held.disks = Some(self.op.claim_exclusive_waiting(Subject::LiveDisks(id.uuid), &id.name).await?);
        held.vm = Some(self.op.claim_shared(Subject::Vm(id.uuid), &id.name).await?);
        let vm = self.op.claim_vm_shared(&request.source).await?;
        let running = self.refuse_unforkable(&vm)?;
        let source = &vm.stored;
        self.cloning().refuse_taken(&request.name).await?;
        let plan = self.cloning().plan_clone(request, source, folders).await?;
        let folder = self.memory_folder(source, &plan)?;
        let complete = self.op.client().definitions().complete(source.uuid).await.map_err(Error::from)?;
        let definition =
            plan.copy.definition(&complete).map_err(|cause| super::not_clonable(source, cause))?;
        self.refuse_changed(source, &plan, &definition.to_domain()).await?;
        let guest = self.reach_guest(running).await?;

        let uuid = plan.copy.uuid;
        self.cloning().clone_step(request, Step::ClaimName)?;
        undo.will_define(uuid);
        let claim = async || self.op.client().definitions().define(&definition).await.map_err(not_claimed);
        self.op.while_daemon_restarts(claim).await?;
        for log in &plan.logs {
            undo.will_make(log);
        }
        self.copy_moment(request, running, &plan, &guest, &folder, undo, folders).await?;
        // Others may fork it meanwhile.
        held.disks = None;
        self.op.check()?;

        self.cloning().clone_step(request, Step::Start)?;
        undo.will_start(uuid);
        self.resume_fork(source, &plan, &folder).await?;
        self.op.check()?;
        self.cloning().clone_step(request, Step::GiveIdentity)?;
        self.give_identity(source, &plan, &guest).await?;
        self.op.check()?;
        let domain = self.give_interfaces(source, uuid).await?;
        if let Some(wait) = &request.wait {
            Creation::of(self.op).wait_or_keep(&domain, wait).await?;
        }
        self.op.check()?;
        let cloning = self.cloning();
        self.op.while_daemon_restarts(|| cloning.mark_made(uuid, true)).await?;
        Ok(uuid)
    }

    /// The source's memory and disks as they are at one moment. Once this returns the source is on its own disks again.
    #[expect(clippy::too_many_arguments, reason = "each is another's result")]
    async fn copy_moment(
        &self,
        request: &CloneRequest,
        source: &Domain,
        plan: &ClonePlan,
        guest: &ForkedGuest,
        folder: &WarmFolder,
        undo: &mut UndoStack<'a>,
        folders: &mut copying::Folders,
    ) -> Result<(), Error> {
        self.prepare_guest(source, guest, undo).await?;
        let file = folder.memory_file(plan.copy.uuid);
        let left = vec![Left::File { path: file.display().to_string() }];
        undo.will(left, async move { remove_file(&file) });
        let overlays = self.snapshot(request, source, plan, folder, undo).await?;
        self.cloning().make_files(request, plan, undo, folders).await?;
        self.op.check()?;
        self.cloning().clone_step(request, Step::MergeOverlays)?;
        put_back(self.op, source.uuid, &overlays).await?;
        self.release_guest(source, guest).await
    }

    /// Loads the memory, as the new VM's, and lets it run, without a link to any network.
    async fn resume_fork(&self, source: &Domain, plan: &ClonePlan, folder: &WarmFolder) -> Result<(), Error> {
        let uuid = plan.copy.uuid;
        let path = folder.memory_file(uuid);
        let stored = self.op.client().definitions().stored(uuid).await?;
        rewrite(&path, plan, &stored)
            .map_err(|cause| ForkError::State { name: source.name.clone(), cause })?;
        if self.op.locality().is_session() {
            // Where the VM's QMP socket goes; without the folder QEMU would not start.
            crate::host::ready_session_qmp_folder();
        }
        let restored = self.op.client().domains().restore_paused(&path.to_string_lossy(), RESTORE).await;
        // Nobody needs it any more, whatever has come of it.
        remove_file(&path)?;
        restored?;
        // What QEMU has loaded says that they are up.
        for interface in &stored.interfaces {
            self.op.client().hardware().set_link(uuid, &interface.mac, false).await?;
        }
        Ok(self.op.client().domains().resume(uuid).await?)
    }

    /// Takes out the interfaces that came with the memory, whose addresses the guest knows, and plugs in the VM's own.
    async fn give_interfaces(&self, source: &Domain, uuid: Uuid) -> Result<Domain, Error> {
        let definitions = self.op.client().definitions();
        let states = WarmStates::of(self.op);
        if !states.unplug(&definitions.current(uuid).await?).await? {
            return Err(ForkError::InterfaceStays { name: source.name.clone() }.into());
        }
        states.plug_in(&definitions.stored(uuid).await?).await?;
        let domain = definitions.current(uuid).await?;
        Power::of(self.op).forward_by_slirp(&domain).await?;
        Ok(domain)
    }
}

/// Puts the new VM's definition in front of the memory.
fn rewrite(
    path: &Path,
    plan: &ClonePlan,
    stored: &Domain,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let file = File::options().read(true).write(true).open(path)?;
    let image = SaveImage::read(&file)?;
    let saved = plan.copy.saved_definition(&image.domain)?;
    image.write_to(&file, &stored.forked_from(&saved)?)?;
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::NotRemoved { name: path.display().to_string() }.into())
        }
        _ => Ok(()),
    }
}
