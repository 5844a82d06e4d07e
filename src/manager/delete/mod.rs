//! Deleting VMs: a plan of what goes and what stays, made before anything is stopped, and the act.

use crate::manager::gc::GarbageCollection;
use crate::manager::storage::Storage;
mod plan;

pub use plan::{DeletePlan, DeleteRequest, Going, GoingFile, KeptFile, Staying};

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Error;
use super::change::refuse_protected;
use super::gc::Maker;
use super::inventory::{Doomed, Inventory};
use crate::guest;
use crate::libvirt::{self, DomainId, Object};
use crate::manager::operation::noun;
use plan::{Settled, settle};

/// How long a removal tries while libvirt is busy with something of the VM.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits for a daemon that is away, which it does for each VM that is to go.
const AWAY: Duration = Duration::from_secs(5);
/// For how long what was seen of other VMs' needs may be acted upon.
const FRESH: Duration = Duration::from_secs(1);

/// A VM that was deleted.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Deleted {
    /// The VM.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// The files that went.
    pub deleted: Vec<String>,
    /// The files that stayed.
    pub kept: Vec<String>,
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
    /// When libvirt can't be asked. In a name's own place: [`Error::BeingMade`] while a create is at it;
    /// [`Error::Running`] when it may not be stopped; [`Error::InUse`] when what stays needs a file of it.
    pub async fn plan(
        &self,
        names: &[String],
        request: &DeleteRequest,
    ) -> Result<Vec<(String, Result<DeletePlan, Error>)>, Error> {
        let mut results: Vec<(String, Result<DeletePlan, Error>)> = Vec::new();
        let mut ids: Vec<DomainId> = Vec::new();
        for name in names {
            match self.op.client().resolve(name).await {
                // By name and by UUID it is one VM still.
                Ok(id) if ids.iter().any(|known| known.uuid == id.uuid) => {}
                Ok(id) => ids.push(id),
                Err(error) if error.is_connection() => return Err(error.into()),
                Err(error) => results.push((name.clone(), Err(error.into()))),
            }
        }
        if ids.is_empty() {
            return Ok(results);
        }
        let inventory = Inventory::load(self.op).await?;
        ids.sort_by_key(|id| std::cmp::Reverse(inventory.depth(&id.uuid)));
        let mut settled = Vec::new();
        for id in ids {
            match self.settle(&inventory, &id, request).await {
                Ok(plan) => settled.push(plan),
                Err(error) => results.push((id.name, Err(error))),
            }
        }
        // One that has to stay may need a file of another, which then has to stay as well.
        loop {
            let doomed = doomed(&settled);
            let refused = settled.iter().position(|plan| plan.check(&inventory, &doomed).is_err());
            let Some(refused) = refused else { break };
            let plan = settled.remove(refused);
            let error = plan.check(&inventory, &doomed).err();
            results.extend(error.map(|error| (plan.name().to_owned(), Err(error))));
        }
        let all = doomed(&settled);
        results.extend(settled.into_iter().map(|plan| {
            let plan = plan.finish(&inventory, &all);
            (plan.name.clone(), Ok(plan))
        }));
        Ok(results)
    }

    /// As [`Deletion::plan`], of one VM that may be stopped.
    pub(in crate::manager) async fn plan_delete(&self, uuid: &str) -> Result<DeletePlan, Error> {
        let request = DeleteRequest { may_stop: true, ..DeleteRequest::default() };
        let plans = self.plan(&[uuid.to_owned()], &request).await?;
        let missing = || libvirt::Error::NotFound { object: Object::Domain, name: uuid.to_owned() };
        plans.into_iter().next().map_or_else(|| Err(missing().into()), |(_, plan)| plan)
    }

    async fn settle(
        &self,
        inventory: &Inventory,
        id: &DomainId,
        request: &DeleteRequest,
    ) -> Result<Settled, Error> {
        if inventory.is_hidden(&id.uuid) {
            return Err(Error::Hangs { name: id.name.clone() });
        }
        let missing = || libvirt::Error::NotFound { object: Object::Domain, name: id.name.clone() };
        let domain = inventory.domain(&id.uuid).ok_or_else(missing)?;
        if matches!(GarbageCollection::of(self.op).maker_of(domain).await?, Maker::AtWork) {
            return Err(Error::BeingMade { name: id.name.clone() });
        }
        refuse_protected(domain)?;
        let running = self.op.client().state(&id.uuid).await?.is_active();
        if running && !request.may_stop {
            return Err(Error::Running { name: id.name.clone() });
        }
        let beside = self.op.client().kept_beside(&id.uuid).await?;
        Ok(settle(inventory, domain, running, beside, request))
    }

    /// Does what the plans say, in their order, as long as `told` says so after each. Needs are looked at
    /// again before: somebody may have made a disk that stands on one that is to go.
    ///
    /// # Errors
    /// In `told`: as in planning, and [`Error::LeftBehind`] when not everything could be removed.
    pub async fn delete_each(
        &self,
        plans: Vec<DeletePlan>,
        mut told: impl FnMut(&str, Result<Deleted, Error>) -> bool,
    ) {
        let mut inventory = None;
        let mut stayed: HashMap<String, String> = HashMap::new();
        for plan in plans {
            let (name, uuid) = (plan.name.clone(), plan.uuid.clone());
            let result = self.delete_one(plan, &mut inventory, &stayed).await;
            if result.is_err() {
                stayed.insert(uuid, name.clone());
            }
            if !told(&name, result) {
                return;
            }
        }
    }

    /// Does what the plan says.
    pub(in crate::manager) async fn delete(&self, plan: DeletePlan) -> Result<Deleted, Error> {
        self.delete_one(plan, &mut None, &HashMap::new()).await
    }

    async fn delete_one(
        &self,
        plan: DeletePlan,
        inventory: &mut Option<Inventory>,
        stayed: &HashMap<String, String>,
    ) -> Result<Deleted, Error> {
        self.op.check()?;
        if let Some(child) = plan.waits_for.iter().find_map(|uuid| stayed.get(uuid)) {
            return Err(Error::InUse { path: plan.name, needed_by: format!("the VM {child}") });
        }
        // What stood on it a moment ago has gone just now.
        let outdated = |inventory: &Inventory| inventory.is_older_than(FRESH) || !plan.waits_for.is_empty();
        if inventory.as_ref().is_none_or(outdated) {
            *inventory =
                Some(self.op.while_daemon_is_away(AWAY, async || Inventory::load(self.op).await).await?);
        }
        if let Some(inventory) = inventory {
            plan.check_again(inventory)?;
            inventory.domain(&plan.uuid).map(refuse_protected).transpose()?;
        }
        let state = async || self.op.client().state(&plan.uuid).await.map_err(Error::from);
        let running = self.op.while_daemon_is_away(AWAY, state).await?.is_active();
        if running && !plan.may_stop {
            return Err(Error::Running { name: plan.name });
        }
        let deadline = Instant::now() + PATIENCE;
        let removed = Storage::of(self.op).remove_domain(&plan.uuid, &plan.volumes, running, deadline).await;
        let by_us = removed.map_err(|left| {
            let cause = Box::new(Error::NotRemoved { name: plan.name.clone() });
            Error::LeftBehind { cause, left }
        })?;
        if !by_us {
            // Another was at it too, and has done it.
            return Err(libvirt::Error::NotFound { object: Object::Domain, name: plan.name }.into());
        }
        if let Ok(uuid) = plan.uuid.parse() {
            guest::forget_known_host(self.op.paths().state_folder(), uuid).map_err(guest::Error::from)?;
        }
        Ok(Deleted { name: plan.name, uuid: plan.uuid, deleted: plan.delete, kept: plan.keep })
    }
}

fn doomed(settled: &[Settled]) -> Doomed {
    Doomed {
        vms: settled.iter().map(|plan| plan.uuid().to_owned()).collect(),
        files: settled.iter().flat_map(Settled::paths).map(str::to_owned).collect(),
    }
}
