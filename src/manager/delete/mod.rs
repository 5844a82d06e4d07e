//! Deleting VMs: a plan of what goes and what stays, made before anything is stopped, and the act.
//!
//! The act claims the VMs, then reads anew who needs what: nothing can come to need a file between that and the
//! file's end. A VM that vmtools made is marked while it is deleted, so that `gc` finishes what was killed.

mod draft;
mod plan;
mod together;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use draft::{Draft, draft};
pub use plan::{DeletePlan, DeleteReason, DeleteRequest, FileDeletion, KeepReason, KeptFile};

use super::change::refuse_protected;
use super::claim::{Claim, Subject};
use super::gc::{GarbageCollection, Maker};
use super::inventory::{DeletionSet, Dependent, Inventory};
use super::operation::noun;
use super::storage::Storage;
use super::{Error, StorageError, VmError};
use crate::libvirt::{self, DomainId, Object, OwnedVolume};
use crate::model::Uuid;
use crate::{guest, host};

/// How long a removal tries while libvirt is busy with something of the VM.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits for a daemon that is away, which it does for each VM that is to go.
const AWAY: Duration = Duration::from_secs(5);

/// The claims on VMs that are to go, or why there is none.
pub(super) type Claims = HashMap<Uuid, Result<Claim, Error>>;

/// A VM that was deleted.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Deleted {
    /// The VM.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// The files that were deleted.
    pub deleted: Vec<String>,
    /// The files that were kept.
    pub kept: Vec<String>,
    /// Those among the deleted that vmtools did not make.
    #[serde(skip)]
    pub foreign: Vec<String>,
    /// Those among the kept that were its disks, and why they were kept.
    #[serde(skip)]
    pub stays: Vec<KeptFile>,
}

noun! {
    /// VMs deleted by plan.
    Deletion
}

impl Deletion<'_> {
    /// What deleting the VMs would do, in the order in which it is to be done: a VM whose disk stands on
    /// another's goes before that one. A result for each name.
    ///
    /// # Errors
    /// When libvirt can't be asked. In a name's own place: [`VmError::BeingMade`] while a create is at it;
    /// [`VmError::NotOff`] when it may not be stopped; [`StorageError::InUse`] when what stays needs a file of it.
    pub async fn plan(
        &self,
        names: &[String],
        request: &DeleteRequest,
    ) -> Result<Vec<(String, Result<DeletePlan, Error>)>, Error> {
        let mut results = Vec::new();
        let mut ids: Vec<DomainId> = Vec::new();
        for name in names {
            match self.op.client().domains().resolve(name).await {
                // By name and by UUID it is one VM still.
                Ok(id) if ids.iter().any(|known| known.uuid == id.uuid) => {}
                Ok(id) => ids.push(id),
                Err(error) if error.is_connection() => return Err(error.into()),
                Err(error) => results.push((name.clone(), Err(error.into()))),
            }
        }
        if !ids.is_empty() {
            results.extend(self.plan_each(ids, request).await?);
        }
        Ok(results)
    }

    /// As [`Deletion::plan`], of VMs that were resolved before.
    pub(super) async fn plan_each(
        &self,
        mut ids: Vec<DomainId>,
        request: &DeleteRequest,
    ) -> Result<Vec<(String, Result<DeletePlan, Error>)>, Error> {
        let mut results: Vec<(String, Result<DeletePlan, Error>)> = Vec::new();
        let inventory = self.inventory(&ids, request.ends_hanging).await?;
        let asked = DeletionSet { vms: ids.iter().map(|id| id.uuid).collect(), ..DeletionSet::default() };
        ids.sort_by_key(|id| std::cmp::Reverse(inventory.depth(id.uuid)));
        let mut drafts = Vec::new();
        for id in ids {
            let draft = async {
                let draft = self.draft(&inventory, &id, &asked, request).await?;
                let storage = Storage::of(self.op);
                storage.refuse_open_elsewhere(draft.removes(), &inventory).await.map(|()| draft)
            };
            match draft.await {
                Ok(draft) => drafts.push(draft),
                Err(error) => results.push((id.name, Err(error))),
            }
        }
        // One that has to stay may need a file of another, which then has to stay as well.
        loop {
            let deletion = all_of(&drafts, &inventory);
            let refused = drafts.iter().position(|draft| draft.check(&inventory, &deletion).is_err());
            let Some(refused) = refused else { break };
            let draft = drafts.remove(refused);
            let error = draft.check(&inventory, &deletion).err();
            results.extend(error.map(|error| (draft.name().to_owned(), Err(error))));
        }
        let drafts = together::arrange(drafts, &inventory);
        let all = all_of(&drafts, &inventory);
        results.extend(drafts.into_iter().map(|draft| {
            let plan = draft.finish(&inventory, &all);
            (plan.name.clone(), Ok(plan))
        }));
        Ok(results)
    }

    /// What there is and who needs it. One of the VMs whose QEMU hangs holds back what is its own: where
    /// `ends_hanging` says so it is stopped first, which libvirt can do without QEMU's help. Before that it has to be
    /// known that it may go, as far as libvirt tells that without QEMU's help too.
    async fn inventory(&self, vms: &[DomainId], ends_hanging: bool) -> Result<Inventory, Error> {
        let inventory = Inventory::load(self.op).await?;
        let deletion = DeletionSet { vms: vms.iter().map(|id| id.uuid).collect(), ..DeletionSet::default() };
        let hanging = vms.iter().filter(|id| ends_hanging && inventory.definitions.is_hidden(id.uuid));
        let mut ended = false;
        for id in hanging {
            let _claim = self.op.claim_exclusive(Subject::Vm(id.uuid), &id.name).await?;
            // With the claim, so that nobody protects it by now. Why it stays is what its draft says.
            if self.refuse_kept(id, &inventory, &deletion).await.is_err() {
                continue;
            }
            match self.op.client().domains().destroy(id.uuid).await {
                Ok(_) | Err(libvirt::Error::WrongState { .. }) => ended = true,
                Err(error) => return Err(error.into()),
            }
        }
        if ended { Inventory::load(self.op).await } else { Ok(inventory) }
    }

    /// Checks what is known of a VM whose QEMU hangs: nothing of it has to be stopped for that.
    ///
    /// # Errors
    /// [`VmError::Protected`]; [`StorageError::InUse`] when a linked clone of it stays; when libvirt can't be asked.
    async fn refuse_kept(
        &self,
        id: &DomainId,
        inventory: &Inventory,
        deletion: &DeletionSet,
    ) -> Result<(), Error> {
        if self.op.client().metadata().is_protected(id.uuid).await? {
            return Err(VmError::Protected { name: id.name.clone() }.into());
        }
        let needed_by = inventory.children_of(id.uuid, deletion);
        match needed_by.is_empty() {
            true => Ok(()),
            false => Err(StorageError::InUse { path: id.name.clone(), needed_by }.into()),
        }
    }

    /// As [`Deletion::plan`], of one VM that may be stopped.
    pub(super) async fn plan_one(&self, id: DomainId) -> Result<DeletePlan, Error> {
        let request = DeleteRequest { may_stop: true, ..DeleteRequest::default() };
        let name = id.name.clone();
        let plans = self.plan_each(vec![id], &request).await?;
        plans.into_iter().next().map_or_else(|| Err(missing(&name)), |(_, plan)| plan)
    }

    async fn draft(
        &self,
        inventory: &Inventory,
        id: &DomainId,
        deletion: &DeletionSet,
        request: &DeleteRequest,
    ) -> Result<Draft, Error> {
        if inventory.definitions.is_hidden(id.uuid) {
            self.refuse_kept(id, inventory, deletion).await?;
            return Err(VmError::Hangs { name: id.name.clone() }.into());
        }
        let domain = inventory.definitions.stored(id.uuid).ok_or_else(|| missing(&id.name))?;
        if matches!(GarbageCollection::of(self.op).maker_of(domain).await?, Maker::AtWork) {
            self.await_maker(id).await?;
        }
        refuse_protected(domain)?;
        let state = self.op.client().domains().state(id.uuid).await?;
        let running = state.is_active();
        if running && !request.may_stop {
            return Err(VmError::NotOff { name: id.name.clone(), state }.into());
        }
        let beside = self.op.client().definitions().related_state(id.uuid).await?;
        let snapshot_files = self.op.client().snapshots().files(id.uuid, &beside.snapshots).await?;
        Ok(draft(inventory, domain, running, beside, &snapshot_files, request))
    }

    /// Another command makes the VM, or deletes it: then it has it claimed, and it is gone afterwards.
    ///
    /// # Errors
    /// [`VmError::BeingMade`]; that it is gone; [`Error::Claimed`].
    async fn await_maker(&self, id: &DomainId) -> Result<(), Error> {
        let _claim = self.op.claim_shared(Subject::Vm(id.uuid), &id.name).await?;
        let domain = match self.op.client().definitions().stored(id.uuid).await {
            Err(error) if error.is_not_found() => return Err(missing(&id.name)),
            other => other?,
        };
        match GarbageCollection::of(self.op).maker_of(&domain).await? {
            Maker::AtWork => Err(VmError::BeingMade { name: id.name.clone() }.into()),
            Maker::None | Maker::Gone => Ok(()),
        }
    }

    /// Carries out the plans in their order, as long as `on_result` returns true after each. Needs are read again
    /// before, with the VMs claimed: somebody may have made a disk that stands on one that is to go.
    ///
    /// # Errors
    /// Passed to `on_result`: those of planning, and [`Error::LeftBehind`] when not everything could be removed.
    pub async fn delete_each(
        &self,
        plans: Vec<DeletePlan>,
        on_result: impl FnMut(&str, Result<Deleted, Error>) -> bool,
    ) {
        let claims = self.claim_all(plans.iter().map(|plan| (plan.uuid, plan.name.as_str()))).await;
        self.delete_each_claimed(plans, claims, on_result).await;
    }

    /// As [`Deletion::delete_each`], of VMs that are claimed, as far as they could be.
    pub(super) async fn delete_each_claimed(
        &self,
        plans: Vec<DeletePlan>,
        mut claims: Claims,
        mut on_result: impl FnMut(&str, Result<Deleted, Error>) -> bool,
    ) {
        let mut inventory = None;
        let mut kept: HashMap<Uuid, String> = HashMap::new();
        let mut gone = DeletionSet::default();
        for plan in plans {
            let (name, uuid) = (plan.name.clone(), plan.uuid);
            let claim = claims.remove(&uuid).unwrap_or_else(|| Err(Error::Claimed { name: name.clone() }));
            let result = match claim {
                Ok(claim) => self.delete_next(plan, &claim, &mut inventory, &kept, &mut gone).await,
                Err(error) => Err(error),
            };
            if result.is_err() {
                kept.insert(uuid, name.clone());
            }
            if !on_result(&name, result) {
                return;
            }
        }
    }

    /// Does what the plan says.
    pub(super) async fn delete(&self, plan: DeletePlan) -> Result<Deleted, Error> {
        let claim = self.op.claim_exclusive(Subject::Vm(plan.uuid), &plan.name).await?;
        let mut gone = DeletionSet::default();
        self.delete_next(plan, &claim, &mut None, &HashMap::new(), &mut gone).await
    }

    /// In the order of their UUIDs, so that two that want the same VMs don't wait for each other for ever.
    pub(super) async fn claim_all(&self, vms: impl Iterator<Item = (Uuid, &str)>) -> Claims {
        let mut vms: Vec<(Uuid, &str)> = vms.collect();
        vms.sort_unstable();
        let mut claims = HashMap::new();
        for (uuid, name) in vms {
            claims.insert(uuid, self.op.claim_exclusive(Subject::Vm(uuid), name).await);
        }
        claims
    }

    async fn delete_next(
        &self,
        plan: DeletePlan,
        _claim: &Claim,
        inventory: &mut Option<Inventory>,
        kept: &HashMap<Uuid, String>,
        gone: &mut DeletionSet,
    ) -> Result<Deleted, Error> {
        self.op.check()?;
        if let Some(child) = plan.waits_for.iter().find_map(|uuid| kept.get(uuid)) {
            let needed_by = vec![Dependent::Vm(child.clone())];
            return Err(StorageError::InUse { path: plan.name, needed_by }.into());
        }
        if inventory.is_none() {
            let load = async || Inventory::load(self.op).await;
            *inventory = Some(self.op.while_daemon_is_away(AWAY, load).await?);
        }
        let Some(inventory) = inventory else { return Err(missing(&plan.name)) };
        let volumes = plan.check_again(inventory, gone)?;
        let Some(domain) = inventory.definitions.stored(plan.uuid) else { return Err(missing(&plan.name)) };
        refuse_protected(domain)?;
        let state = async || Ok(self.op.client().domains().state(plan.uuid).await?);
        let state = self.op.while_daemon_is_away(AWAY, state).await?;
        let running = state.is_active();
        if running && !plan.may_stop {
            return Err(VmError::NotOff { name: plan.name, state }.into());
        }
        if !running {
            Storage::of(self.op).refuse_open(plan.removed(&volumes)).await?;
        }
        let managed = domain.metadata.is_some();
        let mark = host::Creator::current().map(|creator| creator.to_string()).filter(|_| managed);
        if let Some(mark) = &mark {
            let set =
                async || Ok(self.op.client().metadata().mark_creating(plan.uuid, mark, running).await?);
            self.op.while_daemon_is_away(AWAY, set).await?;
        }
        let by_us = match self.remove(&plan, &volumes, running).await {
            Ok(by_us) => by_us,
            Err(error) => {
                if mark.is_some() {
                    let _ = self.op.client().metadata().clear_creating(plan.uuid, false).await;
                }
                return Err(error);
            }
        };
        if !by_us {
            // Another was at it too, and has done it.
            return Err(missing(&plan.name));
        }
        gone.vms.insert(plan.uuid);
        gone.files.extend(volumes.iter().map(|volume| inventory.files.key(&volume.path)));
        host::remove_vm_sockets(plan.uuid);
        guest::forget_known_host(self.op.paths().state_folder(), plan.uuid).map_err(guest::Error::from)?;
        let foreign = plan.foreign().map(str::to_owned).collect();
        let stays = plan.staying_disks();
        let (deleted, kept) = (plan.delete, plan.keep);
        Ok(Deleted { name: plan.name, uuid: plan.uuid, deleted, kept, foreign, stays })
    }
}

impl Deletion<'_> {
    /// Stops the VM, removes its volumes and forgets it; whether it was there until now.
    async fn remove(&self, plan: &DeletePlan, volumes: &[OwnedVolume], running: bool) -> Result<bool, Error> {
        let failed = |left| {
            let cause = Box::new(StorageError::NotRemoved { name: plan.name.clone() }.into());
            Error::LeftBehind { cause, left }
        };
        let deadline = Instant::now() + PATIENCE;
        let storage = Storage::of(self.op);
        let mut stopped = false;
        if running {
            stopped = storage.stop_domain(plan.uuid, deadline).await.map_err(failed)?;
            // Until now its own QEMU had them open.
            storage.refuse_open(plan.removed(volumes)).await?;
        }
        storage.remove_domain(plan.uuid, volumes, stopped, plan.undefine, deadline).await.map_err(failed)
    }
}

fn missing(name: &str) -> Error {
    libvirt::Error::missing(Object::Domain, name.to_owned()).into()
}

fn all_of(drafts: &[Draft], inventory: &Inventory) -> DeletionSet {
    DeletionSet {
        vms: drafts.iter().map(|draft| draft.uuid()).collect(),
        files: drafts.iter().flat_map(Draft::files).map(|path| inventory.files.key(path)).collect(),
    }
}
