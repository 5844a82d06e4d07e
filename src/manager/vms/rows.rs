//! The rows of the list, as they are read from counters and definitions.

use std::collections::{HashMap, HashSet};

use crate::libvirt::{self, DomainId, DomainStats, DomainSummary, Scope};
use crate::manager::gc::GarbageCollection;
use crate::manager::guest::endpoint::is_forwarded;
use crate::manager::vms::Vms;
use crate::manager::{Error, Event, VmDetails, VmSummary, Warning};
use crate::model::{Label, Uuid};

/// A VM of the list.
pub(super) struct Row {
    /// `None` where nobody needs it, and of one that came or went meanwhile.
    pub(super) uuid: Option<Uuid>,
    pub(super) vm: VmSummary,
    /// Whether its QEMU hangs and holds its definition back.
    pub(super) hidden: bool,
    /// Whether a port leads to it, once its definition was read.
    pub(super) forwarded: Option<bool>,
}

/// What was read.
pub(super) struct Read {
    pub(super) rows: Vec<Row>,
    /// Whether a QEMU that hangs held all back but the states.
    pub(super) hung: bool,
}

/// What definitions tell.
#[derive(Default)]
struct Described {
    by_uuid: HashMap<Uuid, Description>,
    /// Those that could not be read.
    hidden: Vec<Uuid>,
}

struct Description {
    details: VmDetails,
    forwarded: bool,
}

impl Vms<'_> {
    /// What counters tell of those in the scope.
    pub(super) async fn plain_rows(&self, scope: Scope) -> Result<Read, Error> {
        // Leases are asked for by UUID, which only those that run have.
        match self.op.client().statistics().all_with_ids(scope, Scope::Active).await {
            Ok((stats, ids)) => Ok(Read { rows: rows(stats, ids), hung: false }),
            Err(libvirt::Error::TimedOut { .. }) => self.hung_rows(scope, Scope::Active).await,
            Err(error) => Err(error.into()),
        }
    }

    /// What counters and definitions tell of those in the scope, of which those with the labels are wanted.
    pub(super) async fn detailed_rows(&self, scope: Scope, labels: &[Label]) -> Result<Read, Error> {
        let client = self.op.client();
        let (ids, autostarted) = client.domains().list_with_autostarted(scope).await?;
        // The counters are the first to be asked for. Of many definitions a second virsh reads a part, and that one
        // starts meanwhile.
        let stats = async { Ok(client.statistics().all(scope).await?) };
        let (stats, mut described) = match tokio::try_join!(stats, self.described(&ids, &autostarted)) {
            // A QEMU that hangs holds back whatever is asked of it, even its definition. Labels stand there.
            Err(Error::Libvirt(libvirt::Error::TimedOut { .. })) if labels.is_empty() => {
                return self.hung_rows(scope, scope).await;
            }
            other => other?,
        };
        if !described.hidden.is_empty() {
            self.op.report(Event::Warning(Warning::Hung));
        }
        let mut rows = rows(stats, ids);
        rows.retain_mut(|row| {
            // One without a UUID came or went meanwhile, as has another that there is nothing of.
            let Some(uuid) = row.uuid else { return false };
            row.hidden = described.hidden.contains(&uuid);
            if let Some(Description { details, forwarded }) = described.by_uuid.remove(&uuid) {
                row.forwarded = Some(forwarded);
                row.vm.details = Some(details);
            }
            row.hidden || row.vm.details.is_some()
        });
        Ok(Read { rows, hung: false })
    }

    async fn hung_rows(&self, scope: Scope, named: Scope) -> Result<Read, Error> {
        let (stats, ids) = self.op.client().statistics().all_states(scope, named).await?;
        Ok(Read { rows: rows(stats, ids), hung: true })
    }

    async fn described(&self, ids: &[DomainId], autostarted: &HashSet<Uuid>) -> Result<Described, Error> {
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.uuid).collect();
        let mut described = Described::default();
        let mut marked = Vec::new();
        let take = |domain: DomainSummary| {
            let details = VmDetails::of(&domain, autostarted.contains(&domain.uuid));
            let forwarded = is_forwarded(domain.metadata.as_ref());
            described.by_uuid.insert(domain.uuid, Description { details, forwarded });
            if let Some(creator) = domain.metadata.and_then(|record| record.creator) {
                marked.push((domain.uuid, creator));
            }
        };
        described.hidden = self.op.client().definitions().for_each_summary(&uuids, take).await?;
        for (uuid, creator) in marked {
            let interrupted = GarbageCollection::of(self.op).is_interrupted(uuid, Some(&creator)).await?;
            if let Some(description) = described.by_uuid.get_mut(&uuid) {
                description.details.interrupted = interrupted;
            }
        }
        Ok(described)
    }
}

/// The counters go by name, which no two VMs share at one moment.
fn rows(stats: Vec<DomainStats>, ids: Vec<DomainId>) -> Vec<Row> {
    let mut uuids: HashMap<String, Uuid> = ids.into_iter().map(|id| (id.name, id.uuid)).collect();
    let row = |stats: DomainStats| {
        let (cpus, memory_mib) = (stats.cpus().unwrap_or(0), stats.memory_mib().unwrap_or(0));
        let (state, name, ips) = (stats.state(), stats.name, Vec::new());
        let uuid = uuids.remove(&name);
        let vm = VmSummary { name, state, cpus, memory_mib, ips, details: None };
        Row { uuid, vm, hidden: false, forwarded: None }
    };
    stats.into_iter().map(row).collect()
}
