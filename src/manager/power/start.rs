//! Starting.

use std::time::Duration;

use crate::host;
use crate::libvirt::{self, Domain, DomainId, Element, Node, RefusalReason};
use crate::manager::claim::Subject;
use crate::manager::gc::GarbageCollection;
use crate::manager::gc::Maker;
use crate::manager::guest::GuestAccess;
use crate::manager::inventory::Inventory;
use crate::manager::network::Networks;
use crate::manager::power::Power;
use crate::manager::snapshot::is_cut_off;
use crate::manager::vm::still_meant_by;
use crate::manager::vms::Vms;
use crate::manager::{Already, Error, Event, PasstFault, VmError, VmStatus, WaitFor, Warning};
use crate::model::{Uuid, VmState};

/// How long QEMU may take to start; with large pages or a slow disk it takes a while.
const STARTING: Duration = Duration::from_secs(120);

/// A change of a VM's state.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StateChange {
    /// The VM.
    pub name: String,
    /// The state it is in now.
    pub state: VmState,
    /// Whether it was so before.
    pub already: bool,
}

impl Power<'_> {
    /// Starts the VM, and its network if that is inactive, and waits as asked. One that runs already is fine.
    ///
    /// # Errors
    /// When there is no such VM, libvirt or QEMU refuses, or the wait fails.
    pub async fn start(&self, name: &str, wait: Option<&WaitFor>) -> Result<VmStatus, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        // One that runs may be at work for another, whose copy takes its time; that is no reason to wait.
        let running = self.op.client().domains().state(id.uuid).await?.is_active();
        let claim = match running {
            true => self.op.claim_shared(Subject::Vm(id.uuid), &id.name).await?,
            false => self.op.claim_exclusive(Subject::Vm(id.uuid), &id.name).await?,
        };
        let state = self.op.client().domains().state(id.uuid).await?;
        let domain = self.op.client().definitions().current(id.uuid).await?;
        let id = still_meant_by(name, id, &domain)?;
        self.op.refuse_unmade(&domain).await?;
        if is_cut_off(&domain) {
            drop(claim);
            self.op.settle_unclaimed(id.uuid, &id.name).await?;
            return Box::pin(self.start(name, wait)).await;
        }
        if state == VmState::Paused {
            self.await_running(&id).await?;
        }
        if state.is_active() {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Running });
        } else {
            self.refuse_parent(&domain).await?;
            for network in domain.interfaces.iter().filter(|interface| interface.kind == "network") {
                Networks::of(self.op)
                    .ready_network(network.source.as_deref().unwrap_or_default(), None, true)
                    .await?;
            }
            // Of many that are asked for, those not begun yet are left.
            self.op.check()?;
            match self.power_on(id.uuid).await {
                // Somebody else was faster.
                Err(Error::Libvirt(libvirt::Error::WrongState { .. })) => {
                    self.op.report(Event::AlreadySo { name: &id.name, what: Already::Running });
                }
                other => other?,
            }
        }
        drop(claim);
        if let Some(wait) = wait {
            let domain = self.op.client().definitions().current(id.uuid).await?;
            GuestAccess::of(self.op).wait_for(&domain, wait).await?;
        }
        Vms::of(self.op).status_of(id.uuid).await
    }

    /// What a create is still at is not pulled away from under it.
    pub(in crate::manager) async fn refuse_being_made(&self, id: &DomainId) -> Result<(), Error> {
        let domain = self.op.client().definitions().current(id.uuid).await?;
        match GarbageCollection::of(self.op).maker_of(&domain).await? {
            Maker::AtWork => Err(VmError::BeingMade { name: id.name.clone() }.into()),
            Maker::None | Maker::Gone => Ok(()),
        }
    }

    /// While QEMU starts up its VM counts as paused; one that was paused stays so.
    pub(in crate::manager) async fn await_running(&self, id: &DomainId) -> Result<(), Error> {
        let mut retry = self.op.retry(STARTING);
        loop {
            let stats = self.op.client().statistics().state(id.uuid).await?;
            match stats.state() {
                VmState::Paused if stats.is_starting() && retry.again().await? => {}
                VmState::Paused => return Err(VmError::Paused { name: id.name.clone() }.into()),
                _ => return Ok(()),
            }
        }
    }

    /// Starts the domain and does what its networking needs beside: where passt can't start, its interface is
    /// changed to slirp; slirp's forwards are given to QEMU each time.
    pub(in crate::manager) async fn power_on(&self, uuid: Uuid) -> Result<(), Error> {
        if self.op.locality().is_session() && self.op.locality().is_here() {
            // Where the VM's QMP socket goes; without the folder QEMU would not start.
            host::ready_session_qmp_folder();
        }
        match self.op.client().domains().start(uuid).await {
            Err(libvirt::Error::Refused { message, reason: RefusalReason::Passt, .. }) => {
                let reason = PasstFault::Failed { message };
                self.op.report(Event::Warning(Warning::NoPasst { reason }));
                self.op.client().definitions().change(uuid, passt_to_slirp).await?;
                self.op.client().domains().start(uuid).await?;
            }
            other => other?,
        }
        let domain = self.op.client().definitions().current(uuid).await?;
        self.forward_by_slirp(&domain).await
    }

    /// slirp's forwards are no part of a definition: QEMU gets them once it runs.
    pub(in crate::manager) async fn forward_by_slirp(&self, domain: &Domain) -> Result<(), Error> {
        let by_slirp =
            domain.interfaces.iter().find(|interface| interface.kind == "user" && !interface.passt);
        let (Some(interface), Some(record)) = (by_slirp, &domain.metadata) else { return Ok(()) };
        // libvirt calls the network device of the interface net0 hostnet0.
        let netdev = format!("host{}", interface.alias.as_deref().unwrap_or("net0"));
        for port in &record.published {
            self.op
                .client()
                .hardware()
                .forward_by_slirp(domain.uuid, &netdev, port.protocol.name(), port.host, port.guest)
                .await?;
        }
        Ok(())
    }

    /// What is written to a parent's disks would change those of its linked clones under them.
    pub(in crate::manager) async fn refuse_parent(&self, domain: &Domain) -> Result<(), Error> {
        let children = Inventory::of_disks(self.op).await?.children_of_any_kind(domain.uuid);
        if children.is_empty() {
            return Ok(());
        }
        Err(VmError::HasChildren { name: domain.name.clone(), children }.into())
    }
}

/// passt's backend and its forwards are removed; what else the interface has stays.
fn passt_to_slirp(domain: &mut Element) {
    let Some(devices) = domain.find_mut("devices") else { return };
    for node in &mut devices.children {
        let Node::Element(interface) = node else { continue };
        if interface.name == "interface" && interface.find_attribute("backend", "type") == Some("passt") {
            let passts = |node: &Node| matches!(node, Node::Element(e) if e.name == "backend" || e.name == "portForward");
            interface.children.retain(|node| !passts(node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_of_passt_becomes_one_of_slirp() {
        let mut domain = Element::parse(
            "<domain><devices><interface type='user'><mac address='m'/><backend type='passt'/><portForward proto='tcp'/></interface><interface type='network'><backend x='y'/></interface></devices></domain>",
        )
        .expect("parses");
        passt_to_slirp(&mut domain);
        let interfaces: Vec<_> = domain.find("devices").expect("there").elements().collect();
        assert_eq!(interfaces[0].elements().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["mac"]);
        assert!(interfaces[1].find("backend").is_some());
    }
}
