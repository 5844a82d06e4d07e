//! VMs that were never finished, and those whose time is over.

use std::collections::{HashMap, HashSet};

use super::{Garbage, GarbageCollection, Reason, Target};
use crate::host::Creator;
use crate::libvirt::{Domain, DomainId};
use crate::manager::Error;
use crate::manager::delete::{DeleteRequest, Deletion};
use crate::manager::inventory::Inventory;
use crate::model::Uuid;

/// Whether a create or delete is at work on a VM.
pub(in crate::manager) enum Maker {
    /// None is: it was finished.
    None,
    /// One is, as far as is known: of another host's process it can't.
    AtWork,
    /// The one that was has ended before it was finished.
    Gone,
}

impl GarbageCollection<'_> {
    /// The VMs that go. A parent does when all its linked clones do.
    pub(super) async fn vms(&self, inventory: &Inventory) -> Result<Vec<Garbage>, Error> {
        let mut garbage = Vec::new();
        for domain in inventory.definitions.all_stored() {
            // A create takes its mark off before it ends, so only a mark that is read after its end was seen
            // proves that it was killed.
            if of_domain(domain).is_some() {
                garbage.extend(self.domain_now(domain.uuid).await?);
            }
        }
        loop {
            let going: HashSet<String> =
                garbage.iter().map(|vm: &(Domain, Garbage)| vm.0.name.clone()).collect();
            let children = |domain: &Domain| inventory.definitions.children_of(domain.uuid);
            let stays = |domain: &Domain| {
                domain.is_parent() && children(domain).iter().any(|child| !going.contains(child))
            };
            garbage.retain(|(domain, _)| !stays(domain));
            if garbage.len() == going.len() {
                return Ok(garbage.into_iter().map(|(_, garbage)| garbage).collect());
            }
        }
    }

    /// Removes the VMs as one deletion. Those of which that can't be said any more stay, without a word: they are no
    /// garbage by now, or gone.
    pub(super) async fn remove_vms(
        &self,
        vms: Vec<Garbage>,
        on_result: &mut impl FnMut(Garbage, Result<(), Error>) -> bool,
    ) -> bool {
        if vms.is_empty() {
            return true;
        }
        let deletion = Deletion::of(self.op);
        let ids = vms.iter().filter_map(|vm| Some((vm.uuid?, vm.name.as_str())));
        let claims = deletion.claim_all(ids).await;
        // By the names that they have now.
        let mut items: HashMap<String, Garbage> = HashMap::new();
        let mut ids = Vec::new();
        for vm in vms {
            let Some(uuid) = vm.uuid else { continue };
            match self.domain_now(uuid).await {
                Ok(Some((domain, _))) => {
                    items.insert(domain.name.clone(), vm);
                    ids.push(DomainId { uuid, name: domain.name });
                }
                Ok(None) => {}
                Err(error) => {
                    if !on_result(vm, Err(error)) {
                        return false;
                    }
                }
            }
        }
        let mut goes_on = true;
        let mut report = |name: &str, result: Result<(), Error>| {
            let result = match result {
                Err(Error::Libvirt(error)) if error.is_not_found() => Ok(()),
                other => other,
            };
            goes_on = goes_on && items.remove(name).is_none_or(|item| on_result(item, result));
            goes_on
        };
        let request = DeleteRequest { may_stop: true, ..DeleteRequest::default() };
        let names: Vec<String> = ids.iter().map(|id| id.name.clone()).collect();
        let mut plans = Vec::new();
        match deletion.plan_each(ids, &request).await {
            Ok(planned) => {
                for (name, plan) in planned {
                    match plan {
                        Ok(plan) => plans.push(plan),
                        Err(error) => {
                            if !report(&name, Err(error)) {
                                return false;
                            }
                        }
                    }
                }
            }
            Err(error) => {
                // Said once: it is of none of them.
                if let Some(name) = names.first() {
                    report(name, Err(error));
                }
            }
        }
        deletion.delete_each_claimed(plans, claims, |name, result| report(name, result.map(drop))).await;
        goes_on
    }

    /// The VM, if it is garbage by its definition as it is now.
    async fn domain_now(&self, uuid: Uuid) -> Result<Option<(Domain, Garbage)>, Error> {
        match self.op.client().definitions().current(uuid).await {
            Ok(domain) => Ok(of_domain(&domain).map(|garbage| (domain, garbage))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a create is at work on the VM.
    pub(in crate::manager) async fn maker_of(&self, domain: &Domain) -> Result<Maker, Error> {
        self.maker_by(domain.uuid, domain.creator()).await
    }

    async fn maker_by(&self, uuid: Uuid, creator: Option<&str>) -> Result<Maker, Error> {
        match maker(creator) {
            Maker::Gone => Ok(maker(self.op.client().definitions().current(uuid).await?.creator())),
            other => Ok(other),
        }
    }

    /// Whether the create or delete that worked on the VM was killed.
    pub(in crate::manager) async fn is_interrupted(
        &self,
        uuid: Uuid,
        creator: Option<&str>,
    ) -> Result<bool, Error> {
        match self.maker_by(uuid, creator).await {
            Ok(maker) => Ok(matches!(maker, Maker::Gone)),
            // Gone meanwhile.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn of_domain(domain: &Domain) -> Option<Garbage> {
    let record = domain.metadata.as_ref()?;
    let reason = match maker(domain.creator()) {
        Maker::Gone => Reason::Unfinished,
        Maker::AtWork => return None,
        Maker::None if domain.protected => return None,
        Maker::None if record.expires.is_some_and(|time| time.is_past()) => Reason::Expired,
        Maker::None => return None,
    };
    let files = record.owned.iter().map(|owned| owned.path.clone()).collect();
    let garbage = Garbage::of(Target::Vm, domain.name.clone(), reason);
    Some(Garbage { uuid: Some(domain.uuid), files, ..garbage })
}

/// As far as this definition tells, which may be older than the end of its maker.
pub(in crate::manager) fn maker(creator: Option<&str>) -> Maker {
    match creator.map(str::parse::<Creator>) {
        None => Maker::None,
        Some(Ok(creator)) if creator.is_alive() == Some(false) => Maker::Gone,
        Some(_) => Maker::AtWork,
    }
}
