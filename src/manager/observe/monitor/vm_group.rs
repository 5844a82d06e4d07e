use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::by_libvirt;
use super::{Error, Event, Operation, RawReading};
use crate::libvirt::{self, Domain, DomainId, DomainStats, Scope};
use crate::manager::Warning;
use crate::manager::vms::carries_all;
use crate::model::{Label, Timestamp, Uuid};

/// Several VMs, polled by one call to libvirt.
pub(in crate::manager) struct VmGroup {
    scope: Scope,
    /// Only these, by UUID.
    chosen: Option<HashSet<Uuid>>,
    labels: Vec<Label>,
    /// Whether a VM carries the labels, of those that were seen, by UUID.
    carrying: HashMap<Uuid, bool>,
    /// Those whose memory statistics were enabled.
    asked: HashSet<Uuid>,
}

impl VmGroup {
    pub(in crate::manager) fn all(labels: Vec<Label>, off: bool) -> Self {
        let scope = if off { Scope::All } else { Scope::Active };
        Self { scope, chosen: None, labels, carrying: HashMap::new(), asked: HashSet::new() }
    }

    pub(in crate::manager) fn of(uuids: HashSet<Uuid>) -> Self {
        Self { chosen: Some(uuids), ..Self::all(Vec::new(), true) }
    }

    pub(in crate::manager) async fn poll(&mut self, op: Operation<'_>) -> Result<Vec<RawReading>, Error> {
        let (stats, ids) = match op.client().statistics().all_counters(self.scope).await {
            // A QEMU that hangs holds back whatever is asked of it.
            Err(libvirt::Error::TimedOut { .. }) => {
                let states = op.client().statistics().all_states(self.scope, self.scope).await?;
                op.report(Event::Warning(Warning::Hung));
                states
            }
            other => other?,
        };
        let (at, time) = (Instant::now(), Timestamp::now());
        let mut by_name: HashMap<String, DomainStats> =
            stats.into_iter().map(|stats| (stats.name.clone(), stats)).collect();
        let wanted = self.wanted(op, ids).await?;
        let raw = wanted.into_iter().filter_map(|DomainId { uuid, name }| {
            let counters = by_libvirt::counters(&by_name.remove(&name)?, at, time);
            Some(RawReading { name, uuid, counters, jobs: Vec::new(), events: Vec::new() })
        });
        let raw: Vec<RawReading> = raw.collect();
        for RawReading { uuid, counters, .. } in &raw {
            if !counters.state.is_active() {
                self.asked.remove(uuid);
            } else if self.asked.insert(*uuid) {
                super::enable_memory_stats(op, *uuid, counters).await;
            }
        }
        Ok(raw)
    }

    async fn wanted(&mut self, op: Operation<'_>, ids: Vec<DomainId>) -> Result<Vec<DomainId>, Error> {
        if let Some(chosen) = &self.chosen {
            return Ok(ids.into_iter().filter(|id| chosen.contains(&id.uuid)).collect());
        }
        if self.labels.is_empty() {
            return Ok(ids);
        }
        let new: Vec<Uuid> =
            ids.iter().map(|id| id.uuid).filter(|uuid| !self.carrying.contains_key(uuid)).collect();
        let domains: Vec<Domain> = op.client().definitions().each_current(&new).await?;
        for domain in domains {
            let carries = carries_all(&domain, &self.labels);
            self.carrying.insert(domain.uuid, carries);
        }
        Ok(ids.into_iter().filter(|id| self.carrying.get(&id.uuid) == Some(&true)).collect())
    }
}
