//! Starting and stopping.

use std::time::{Duration, Instant};

use super::gc::Maker;
use super::{Error, Event, VmManager, VmStatus, WaitFor};
use crate::host;
use crate::libvirt::{self, Domain, DomainId, Element, Node, ShutdownMode};
use crate::model::VmState;

/// How often a guest that was asked to go off is looked at.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a look at the definition may take.
const GLANCE: Duration = Duration::from_secs(3);
/// How long past its timeout a question that hangs may take.
const GRACE: Duration = Duration::from_secs(1);
/// A guest that didn't take the power button is asked again: its ACPI driver may not have been up.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What a stop came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Stopped {
    /// The VM.
    pub name: String,
    /// The state it is in now.
    pub state: VmState,
    /// Whether it was off before.
    pub already: bool,
}

impl VmManager {
    /// Starts the VM, and its network if that is off, and waits as asked. One that runs already is fine.
    ///
    /// # Errors
    /// When there is no such VM, libvirt or QEMU refuses, or the wait fails.
    pub async fn start(&self, name: &str, wait: Option<&WaitFor>) -> Result<VmStatus, Error> {
        let id = self.client.resolve(name).await?;
        let state = self.client.state(&id.uuid).await?;
        let domain = self.client.domain(&id.uuid).await?;
        match self.maker_of(&domain).await? {
            Maker::None => {}
            Maker::AtWork => return Err(Error::BeingMade { name: id.name }),
            Maker::Gone => return Err(Error::Unfinished { name: id.name }),
        }
        if state == VmState::Paused {
            self.await_running(&id).await?;
        }
        if state.is_active() {
            self.report(Event::AlreadySo { name: &id.name, what: "running" });
        } else {
            self.refuse_parent(&domain).await?;
            for network in domain.interfaces.iter().filter(|card| card.kind == "network") {
                self.ready_network(network.source.as_deref().unwrap_or_default(), true).await?;
            }
            match self.power_on(&id.uuid).await {
                // Somebody else was faster.
                Err(Error::Libvirt(libvirt::Error::WrongState { .. })) => {
                    self.report(Event::AlreadySo { name: &id.name, what: "running" });
                }
                other => other?,
            }
        }
        if let Some(wait) = wait {
            let domain = self.client.domain(&id.uuid).await?;
            self.wait_for(&domain, wait).await?;
        }
        self.status_of(&id.uuid).await
    }

    /// While QEMU starts up its VM counts as paused; one that was paused stays so.
    async fn await_running(&self, id: &DomainId) -> Result<(), Error> {
        loop {
            let stats = self.client.stats(&id.uuid).await?;
            match stats.state() {
                VmState::Paused if stats.is_starting() => tokio::time::sleep(PAUSE).await,
                VmState::Paused => return Err(Error::Paused { name: id.name.clone() }),
                _ => return Ok(()),
            }
        }
    }

    /// Asks the guest to go off and waits until it is; with `force` the plug is pulled. One that is off
    /// already is fine.
    ///
    /// # Errors
    /// [`Error::StillRunning`] when the guest doesn't within the timeout.
    pub async fn stop(&self, name: &str, force: bool, timeout: Duration) -> Result<Stopped, Error> {
        let id = self.client.resolve(name).await?;
        let state = self.client.state(&id.uuid).await?;
        if !state.is_active() {
            self.report(Event::AlreadySo { name: &id.name, what: "off" });
            return Ok(Stopped { name: id.name, state, already: true });
        }
        // A QEMU that hangs holds its definition back; nobody is making that VM.
        if let Ok(being_made) = tokio::time::timeout(GLANCE, self.refuse_being_made(&id)).await {
            being_made?;
        }
        if force {
            match self.client.destroy(&id.uuid).await {
                Ok(()) | Err(libvirt::Error::WrongState { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        } else {
            // A QEMU that hangs holds the question itself back.
            let asked = tokio::time::timeout(timeout + GRACE, self.shut_down(&id, timeout));
            self.interrupt
                .race(async {
                    asked
                        .await
                        .unwrap_or_else(|_| Err(Error::StillRunning { name: id.name.clone(), timeout }))
                })
                .await?;
        }
        let state = self.client.state(&id.uuid).await?;
        Ok(Stopped { name: id.name, state, already: false })
    }

    async fn shut_down(&self, id: &DomainId, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        let mut asked: Option<Instant> = None;
        loop {
            let state = self.client.state(&id.uuid).await?;
            if !state.is_active() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::StillRunning { name: id.name.clone(), timeout });
            }
            if asked.is_none_or(|at| at.elapsed() > ASK_AGAIN) {
                self.ask_to_shut_down(id).await?;
                asked = Some(Instant::now());
            }
            tokio::time::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// By the guest agent if one answers, else by the power button.
    async fn ask_to_shut_down(&self, id: &DomainId) -> Result<(), Error> {
        for mode in [ShutdownMode::Agent, ShutdownMode::Acpi] {
            match self.client.shutdown(&id.uuid, mode).await {
                // It is off, or at it.
                Ok(()) | Err(libvirt::Error::WrongState { .. }) => return Ok(()),
                Err(error) if error.is_connection() => return Err(error.into()),
                Err(_) if mode == ShutdownMode::Agent => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Starts the domain and does what its networking needs beside: where passt can't start, its card is
    /// changed to slirp; slirp's forwards are told to QEMU each time.
    pub(super) async fn power_on(&self, uuid: &str) -> Result<(), Error> {
        if self.uri().is_session() && self.uri().is_local() {
            // Where the VM's QMP socket goes; without the folder QEMU would not start.
            host::ready_session_qmp_folder();
        }
        match self.client.start(uuid).await {
            Err(libvirt::Error::Refused { message, .. }) if message.contains("passt") => {
                self.report(Event::Warning(super::Warning::NoPasst { reason: message }));
                let mut domain = self.client.stored_domain(uuid).await?;
                passt_to_slirp(&mut domain.tree);
                self.client.define(&domain.tree).await?;
                self.client.start(uuid).await?;
            }
            other => other?,
        }
        let domain = self.client.domain(uuid).await?;
        self.forward_by_slirp(&domain).await
    }

    async fn forward_by_slirp(&self, domain: &Domain) -> Result<(), Error> {
        let card = domain.interfaces.iter().find(|card| card.kind == "user" && !card.passt);
        let (Some(card), Some(record)) = (card, &domain.metadata) else { return Ok(()) };
        // libvirt calls the network device of the card net0 hostnet0.
        let netdev = format!("host{}", card.alias.as_deref().unwrap_or("net0"));
        for port in &record.published {
            self.client
                .forward_by_slirp(&domain.uuid, &netdev, port.protocol.name(), port.host, port.guest)
                .await?;
        }
        Ok(())
    }

    /// What a parent's guest writes would change the disks of its linked clones under them.
    async fn refuse_parent(&self, domain: &Domain) -> Result<(), Error> {
        if !domain.is_parent() {
            return Ok(());
        }
        let children = self.children_of(&domain.uuid).await?;
        if children.is_empty() {
            return Ok(());
        }
        Err(Error::HasChildren { name: domain.name.clone(), children })
    }

    /// What a create is still at is not pulled away from under it.
    pub(super) async fn refuse_being_made(&self, id: &DomainId) -> Result<(), Error> {
        let domain = self.client.domain(&id.uuid).await?;
        match self.maker_of(&domain).await? {
            Maker::AtWork => Err(Error::BeingMade { name: id.name.clone() }),
            Maker::None | Maker::Gone => Ok(()),
        }
    }
}

/// passt's backend and its forwards are taken off; what else the card has stays.
fn passt_to_slirp(domain: &mut Element) {
    let Some(devices) = domain.find_mut("devices") else { return };
    for node in &mut devices.children {
        let Node::Element(card) = node else { continue };
        if card.name == "interface" && card.find_attribute("backend", "type") == Some("passt") {
            let passts = |node: &Node| matches!(node, Node::Element(e) if e.name == "backend" || e.name == "portForward");
            card.children.retain(|node| !passts(node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_passt_becomes_one_of_slirp() {
        let mut domain = Element::parse(
            "<domain><devices><interface type='user'><mac address='m'/><backend type='passt'/><portForward proto='tcp'/></interface><interface type='network'><backend x='y'/></interface></devices></domain>",
        )
        .expect("parses");
        passt_to_slirp(&mut domain);
        let cards: Vec<_> = domain.find("devices").expect("there").elements().collect();
        assert_eq!(cards[0].elements().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["mac"]);
        assert!(cards[1].find("backend").is_some());
    }
}
