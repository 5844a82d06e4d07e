use std::collections::HashSet;

use crate::libvirt::{Definitions, Domain, DomainId, Interface, Network, Scope};
use crate::manager::operation::Operation;
use crate::manager::{Error, Event, Warning};
use crate::model::Uuid;

/// The definitions of all VMs as of one moment, joined by UUID. A QEMU that hangs holds its own back only.
#[derive(Debug, Default)]
pub(in crate::manager) struct VmDefinitions {
    /// The stored ones; of a transient VM the one that runs.
    stored: Vec<Domain>,
    /// Of those that run: only these tell chains, and devices that the next start won't have.
    running: Vec<Domain>,
    /// Those whose QEMU hangs and holds even their definition back.
    hidden: Vec<DomainId>,
}

impl VmDefinitions {
    /// Reads them, with a warning that names those which hang.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub(in crate::manager) async fn load(op: Operation<'_>) -> Result<Self, Error> {
        let client = op.client();
        let ids = client.domains().list(Scope::All).await?;
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.uuid).collect();
        let Definitions { domains: stored, hidden } = client.definitions().all_stored(&uuids).await?;
        let active = client.domains().list(Scope::Active).await?;
        let active: Vec<Uuid> =
            active.iter().map(|id| id.uuid).filter(|uuid| !hidden.contains(uuid)).collect();
        let Definitions { domains: running, hidden: hidden_now } =
            client.definitions().all_current(&active).await?;
        let is_hidden = |id: &DomainId| hidden.contains(&id.uuid) || hidden_now.contains(&id.uuid);
        let hidden: Vec<DomainId> = ids.into_iter().filter(is_hidden).collect();
        if !hidden.is_empty() {
            let vms = hidden.iter().map(|id| id.name.clone()).collect();
            op.report(Event::Warning(Warning::Hidden { vms }));
        }
        Ok(Self { stored, running, hidden })
    }

    #[cfg(test)]
    pub(super) fn of(stored: Vec<Domain>, running: Vec<Domain>) -> Self {
        Self { stored, running, hidden: Vec::new() }
    }

    /// The VM's stored definition.
    pub(in crate::manager) fn stored(&self, uuid: Uuid) -> Option<&Domain> {
        self.stored.iter().find(|domain| domain.uuid == uuid)
    }

    /// All stored definitions.
    pub(in crate::manager) fn all_stored(&self) -> &[Domain] {
        &self.stored
    }

    /// All definitions: the stored ones, then those that run.
    pub(in crate::manager) fn all(&self) -> impl Iterator<Item = &Domain> {
        self.stored.iter().chain(&self.running)
    }

    /// The definitions of those that run.
    pub(in crate::manager) fn running(&self) -> &[Domain] {
        &self.running
    }

    /// Whether the VM runs.
    pub(in crate::manager) fn is_running(&self, uuid: Uuid) -> bool {
        self.running.iter().any(|domain| domain.uuid == uuid)
    }

    /// Those that are there, but tell nothing of themselves.
    pub(in crate::manager) fn hidden(&self) -> &[DomainId] {
        &self.hidden
    }

    /// Whether the VM is there, but tells nothing of itself.
    pub(in crate::manager) fn is_hidden(&self, uuid: Uuid) -> bool {
        self.hidden.iter().any(|id| id.uuid == uuid)
    }

    /// The VMs whose disks stand on this one's, by their own record or by their chains, by name.
    pub(in crate::manager) fn children_of(&self, uuid: Uuid) -> Vec<String> {
        let Some(parent) = self.stored(uuid) else { return Vec::new() };
        let stands = |domain: &&Domain| {
            let is_written_by_parent = |path: &String| parent.disks.iter().any(|disk| disk.writes_to(path));
            domain.uuid != uuid
                && (is_child(domain, uuid)
                    || domain.disks.iter().flat_map(|disk| &disk.backing).any(is_written_by_parent))
        };
        let mut names: Vec<String> = self.all().filter(stands).map(|domain| domain.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The interfaces on the network, in the order of the VMs, each with whether its VM runs with it.
    pub(in crate::manager) fn interfaces_on(&self, network: &Network) -> Vec<(&Domain, &Interface, bool)> {
        let mut found: Vec<(&Domain, &Interface, bool)> = Vec::new();
        let mut seen = HashSet::new();
        // What runs first: its model is the one that the guest has.
        for domain in self.running.iter().chain(&self.stored) {
            for interface in domain.interfaces.iter().filter(|interface| is_on(interface, network)) {
                if seen.insert((&domain.uuid, &interface.mac)) {
                    found.push((domain, interface, self.runs_with(domain.uuid, &interface.mac)));
                }
            }
        }
        found.sort_by(|a, b| (&a.0.name, &a.1.mac).cmp(&(&b.0.name, &b.1.mac)));
        found
    }

    /// The VM that has an interface with the hardware address, running or stored.
    pub(in crate::manager) fn holder_of(&self, mac: &str) -> Option<&Domain> {
        self.running
            .iter()
            .chain(&self.stored)
            .find(|domain| domain.interfaces.iter().any(|interface| interface.mac == mac))
    }

    fn runs_with(&self, uuid: Uuid, mac: &str) -> bool {
        let mut of_it = self.running.iter().filter(|domain| domain.uuid == uuid);
        of_it.any(|domain| domain.interfaces.iter().any(|interface| interface.mac == mac))
    }
}

/// Whether the VM's record names the other as the one that it is a linked clone of.
pub(in crate::manager) fn is_child(domain: &Domain, parent: Uuid) -> bool {
    let recorded = domain.metadata.as_ref().and_then(|record| record.parent.as_ref());
    recorded.is_some_and(|recorded| recorded.uuid == parent)
}

/// Whether the interface is on the network, by its name or by the bridge that libvirt made for it.
pub(in crate::manager) fn is_on(interface: &Interface, network: &Network) -> bool {
    let own_bridge = network.bridge.as_ref().filter(|_| network.mode != "bridge");
    match interface.kind.as_str() {
        "network" => interface.source.as_ref() == Some(&network.name),
        "bridge" => own_bridge.is_some() && interface.source.as_ref() == own_bridge,
        _ => false,
    }
}
