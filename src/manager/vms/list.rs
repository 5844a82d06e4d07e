use std::collections::HashSet;
use std::net::Ipv4Addr;

use crate::host::{self, Socket};
use crate::libvirt::{AddressSource, Domain, DomainSummary, Scope};
use crate::manager::guest::endpoint::{is_forwarded, knows_enough};
use crate::manager::vms::Vms;
use crate::manager::vms::rows::{Read, Row};
use crate::manager::warm::is_maker;
use crate::manager::{Error, Event, VmDetails, VmSummary, Warning};
use crate::model::{ConnectionUri, Label, Uuid, VmState};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Those that are shut off, too.
    pub all: bool,
    /// Only those whose state is running; else paused ones count too.
    pub running_only: bool,
    /// Only those that carry all of these labels.
    pub labels: Vec<Label>,
    /// Whether what only definitions tell is wanted: it costs a call for each VM.
    pub details: bool,
}

/// Which VMs a verb is for.
#[derive(Debug, Clone)]
pub enum VmSelection {
    /// Those of these names.
    Names(Vec<String>),
    /// All that vmtools made.
    All,
    /// Those that carry all of these labels.
    Labels(Vec<Label>),
}

impl Vms<'_> {
    /// How many VMs the connection has that `auto` did not pick, if that can be determined without starting a
    /// daemon or asking for rights.
    pub(super) async fn vms_elsewhere(&self) -> Result<Option<(ConnectionUri, usize)>, Error> {
        let other =
            if self.op.locality().is_session() { ConnectionUri::system() } else { ConnectionUri::session() };
        if !self.op.locality().is_here() || host::is_root() {
            return Ok(None);
        }
        let socket =
            if other.is_session() { host::probe_session().await } else { host::probe_system().await };
        if !matches!(socket, Socket::Reachable { .. }) {
            return Ok(None);
        }
        let count = self.op.client().domains().count_on(&other).await?;
        Ok((count > 0).then_some((other, count)))
    }

    /// The VMs, by name.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn list(&self, request: &ListRequest) -> Result<Vec<VmSummary>, Error> {
        let scope = if request.all { Scope::All } else { Scope::Active };
        let details = request.details || !request.labels.is_empty();
        let Read { mut rows, hung } = if details {
            self.detailed_rows(scope, &request.labels).await?
        } else {
            self.plain_rows(scope).await?
        };
        // Nobody asked for it, and it is gone in a minute; `image list` tells of it.
        rows.retain(|row| !is_maker(&row.vm.name));
        if rows.is_empty() {
            self.mention_others(request).await?;
        }
        rows.retain(|row| !request.running_only || row.vm.state == VmState::Running);
        rows.sort_by(|a, b| a.vm.name.cmp(&b.vm.name));
        if hung {
            self.op.report(Event::Warning(Warning::Hung));
            return Ok(rows.into_iter().map(|row| row.vm).collect());
        }
        if !request.labels.is_empty() {
            rows.retain(|row| {
                row.vm.details.as_ref().is_some_and(|details| carries(details, &request.labels))
            });
        }
        self.fill_addresses(&mut rows).await?;
        Ok(rows.into_iter().map(|row| row.vm).collect())
    }

    /// The VMs' names and states, by name, without a question to any QEMU.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn states(&self) -> Result<Vec<(String, VmState)>, Error> {
        let states = self.op.client().domains().states().await?;
        let mut named: Vec<_> = states.into_iter().map(|(id, state)| (id.name, state)).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(named)
    }

    /// The labels of the VMs, of the first `most` of them.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn labels(&self, most: usize) -> Result<Vec<Label>, Error> {
        let ids = self.op.client().domains().list(Scope::All).await?;
        let uuids: Vec<Uuid> = ids.iter().take(most).map(|id| id.uuid).collect();
        let mut labels = Vec::new();
        let take = |domain: DomainSummary| {
            labels.extend(domain.metadata.into_iter().flat_map(|record| record.labels))
        };
        self.op.client().definitions().for_each_summary(&uuids, take).await?;
        Ok(labels)
    }

    /// The names of the VMs that a verb is for. That a name exists is not checked here.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn select(&self, selection: &VmSelection) -> Result<Vec<String>, Error> {
        let labels = match selection {
            VmSelection::Names(names) => return Ok(names.clone()),
            VmSelection::All => Vec::new(),
            VmSelection::Labels(labels) => labels.clone(),
        };
        let request = ListRequest { all: true, running_only: false, labels, details: true };
        let vms = self.list(&request).await?;
        let managed = |vm: &VmSummary| vm.details.as_ref().is_some_and(|details| details.managed);
        Ok(vms.into_iter().filter(managed).map(|vm| vm.name).collect())
    }

    /// By lease: asking agents would make a list as slow as its slowest guest. One without a lease may be
    /// behind user-mode networking, which its definition tells.
    async fn fill_addresses(&self, rows: &mut [Row]) -> Result<(), Error> {
        let active = rows.iter_mut().filter(|row| row.vm.state.is_active());
        let mut active: Vec<(Uuid, &mut Row)> = active.filter_map(|row| Some((row.uuid?, row))).collect();
        let uuids: Vec<Uuid> = active.iter().map(|(uuid, _)| *uuid).collect();
        let found = self.op.client().domains().addresses_of_all(&uuids, AddressSource::Lease).await?;
        for ((_, row), addresses) in active.iter_mut().zip(found) {
            // libvirt's leases are of the VM's own interfaces.
            row.vm.ips = addresses.into_iter().map(|address| address.ip).collect();
            row.vm.ips.sort_by_key(|ip| ip.is_ipv6());
        }
        active.retain(|(_, row)| row.vm.ips.is_empty());
        let unread = active.iter().filter(|(_, row)| row.forwarded.is_none() && !row.hidden);
        let unread: Vec<Uuid> = unread.map(|(uuid, _)| *uuid).collect();
        let mut forwarded = HashSet::new();
        let take = |domain: DomainSummary| {
            if is_forwarded(domain.metadata.as_ref()) {
                forwarded.insert(domain.uuid);
            }
        };
        self.op.client().definitions().for_each_summary(&unread, take).await?;
        for (uuid, row) in active {
            if row.forwarded.unwrap_or_else(|| forwarded.contains(&uuid)) {
                row.vm.ips = vec![Ipv4Addr::LOCALHOST.into()];
            }
        }
        Ok(())
    }

    /// VMs "vanish" when the other connection is looked at; the list says where they are.
    async fn mention_others(&self, request: &ListRequest) -> Result<(), Error> {
        let hidden = if request.all { 0 } else { self.op.client().domains().list(Scope::All).await?.len() };
        if hidden > 0 {
            self.op.report(Event::Warning(Warning::StoppedVms { count: hidden }));
        } else if let Some((uri, count)) = self.vms_elsewhere().await? {
            self.op.report(Event::Warning(Warning::ElsewhereVms { uri, count }));
        }
        Ok(())
    }

    /// The addresses of a running VM that its leases or its agent tell, for its page.
    pub(in crate::manager) async fn addresses_by_interface(
        &self,
        domain: &Domain,
    ) -> Result<Vec<(String, std::net::IpAddr)>, Error> {
        let mut found = self.op.client().domains().addresses(domain.uuid, AddressSource::Lease).await?;
        for source in [AddressSource::Agent, AddressSource::Arp] {
            let useful = source != AddressSource::Agent || domain.has_agent_channel;
            if !knows_enough(domain, &found) && useful {
                found = self.op.client().domains().addresses(domain.uuid, source).await?;
            }
        }
        Ok(found.into_iter().map(|address| (address.mac, address.ip)).collect())
    }
}

/// Whether vmtools' record of the domain has all of these labels.
pub(in crate::manager) fn carries_all(domain: &Domain, labels: &[Label]) -> bool {
    let record = domain.metadata.as_ref();
    labels.iter().all(|label| record.is_some_and(|record| record.labels.contains(label)))
}

fn carries(details: &VmDetails, labels: &[Label]) -> bool {
    labels.iter().all(|label| details.labels.get(&label.key) == Some(&label.value))
}
