//! Plugging VMs' network cards in and out, while they run too.

use std::time::Duration;

use super::NetworkError;
use crate::libvirt::{Affects, Domain, DomainId, Interface, InterfaceSource, InterfaceSpec, Network};
use crate::manager::claim::Subject;
use crate::manager::inventory::is_on;
use crate::manager::network::Networks;
use crate::manager::vm::Vm;
use crate::manager::{Already, Error, Event};
use crate::model::{CardSpec, Invalid, MacAddress, NetworkSpec};

/// How long a guest has to give a card up.
const UNPLUG: Duration = Duration::from_secs(30);

/// A card that was plugged in or out.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CardChange {
    /// The VM.
    pub vm: String,
    /// The network or bridge.
    pub network: String,
    /// The card's hardware address.
    pub mac: String,
    /// Its model, such as `virtio`.
    pub model: Option<String>,
    /// The port group of the network that it is in, if it names one.
    pub portgroup: Option<String>,
    /// Whether the VM runs, so that its guest saw it at once.
    pub live: bool,
}

impl Networks<'_> {
    /// Gives the VM one more card, at once if it runs, and at its next starts too.
    ///
    /// # Errors
    /// When there is no such network or VM, the hardware address is taken, or the machine has no place left.
    pub async fn attach(&self, card: &CardSpec, vm: &str) -> Result<CardChange, Error> {
        let vm = self.changeable(vm).await?;
        let (id, live) = (&vm.id, vm.running.is_some());
        let default = self.default_portgroup(&card.network).await?;
        if let Some(present) = present(&vm, card, default.as_deref()) {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Attached });
            let network = plug_name(&card.network);
            let Interface { mac, model, portgroup, .. } = present.clone();
            return Ok(CardChange { vm: id.name.clone(), network, mac, model, portgroup, live });
        }
        let mut _network = None;
        let source = match &card.network {
            NetworkSpec::Network { name, portgroup } => {
                _network = Some(self.ready_network(name, portgroup.as_deref(), live).await?);
                InterfaceSource::Network { name: name.clone(), portgroup: portgroup.clone() }
            }
            NetworkSpec::Bridge(name) => {
                self.check_bridge(name)?;
                InterfaceSource::Bridge(name.clone())
            }
            NetworkSpec::User | NetworkSpec::None => return Err(no_card(card).into()),
        };
        let _mac = match card.mac {
            Some(mac) => {
                Some(self.op.claim_exclusive(Subject::Mac(&mac.to_string()), &mac.to_string()).await?)
            }
            None => None,
        };
        self.refuse_taken_macs(card.mac.as_slice(), None).await?;
        let mac = card.mac.unwrap_or_else(MacAddress::random).to_string();
        let model = card.model.unwrap_or_else(|| vm.current().hardware().nic_model);
        let interface = InterfaceSpec { mac: mac.clone(), source, model: Some(model) };
        self.op.check()?;
        self.op.client().hardware().attach_interface(id.uuid, &interface, vm.affects()).await?;
        let model = Some(model.name().to_owned());
        let (network, portgroup) = (plug_name(&card.network), portgroup_of(&card.network));
        Ok(CardChange { vm: id.name.clone(), network, mac, model, portgroup, live })
    }

    /// The port group of interfaces that name none, where one is asked for.
    async fn default_portgroup(&self, network: &NetworkSpec) -> Result<Option<String>, Error> {
        let NetworkSpec::Network { name, portgroup: Some(_) } = network else { return Ok(None) };
        let network = self.op.client().networks().find(name).await?;
        Ok(network.default_portgroup().map(|group| group.name.clone()))
    }

    /// Takes the VM's card on the network away, from the running VM and its next starts; a reserved address
    /// of it goes too.
    ///
    /// # Errors
    /// [`NetworkError::SeveralCards`] when it has several and none is named; [`NetworkError::StillPlugged`]
    /// when its guest does not give the card up.
    pub async fn detach(
        &self,
        network: &NetworkSpec,
        vm: &str,
        mac: Option<MacAddress>,
    ) -> Result<CardChange, Error> {
        let vm = self.changeable(vm).await?;
        let id = &vm.id;
        // By the bridge of a network that is named, too; one that is gone may be unplugged from all the same.
        let named =
            |known: &Network| matches!(network, NetworkSpec::Network { name, .. } if *name == known.name);
        let known = self.op.client().networks().list().await?.into_iter().find(named);
        let default = known.as_ref().and_then(Network::default_portgroup).map(|group| group.name.as_str());
        let is_any = !matches!(network, NetworkSpec::Network { portgroup: Some(_), .. });
        let plugged = |card: &&Interface| {
            is_plugged(card, network, default)
                || known.as_ref().is_some_and(|known| is_any && is_on(card, known))
        };
        let mut macs: Vec<String> = Vec::new();
        for domain in vm.definitions() {
            macs.extend(domain.interfaces.iter().filter(plugged).map(|card| card.mac.clone()));
        }
        macs.sort();
        macs.dedup();
        let name = plug_name(network);
        let mac = pick(macs, &network.in_words(), &id.name, mac)?;
        let in_running = vm.running.as_ref().and_then(|domain| card_with(domain, &mac));
        let in_stored = card_with(&vm.stored, &mac);
        let Some(card) = in_running.or(in_stored) else {
            return Err(NetworkError::NotPlugged { network: network.in_words(), vm: id.name.clone() }.into());
        };
        self.op.check()?;
        let live = in_running.is_some();
        if live {
            self.op.client().hardware().detach_interface(id.uuid, &card.kind, &mac, Affects::Running).await?;
            self.op.race(self.await_unplugged(id, &mac)).await?;
        }
        // Before the definition forgets it: whose the address was nothing tells afterwards.
        let release = async || Ok(self.release(&id.name, vm.definitions(), Some(&[&mac])).await?);
        self.op.while_daemon_restarts(release).await?;
        // A guest that keeps it has it after its next start, too.
        if in_stored.is_some() {
            let (hardware, kind) = (self.op.client().hardware(), &card.kind);
            let detach = async || hardware.detach_interface(id.uuid, kind, &mac, Affects::Stored).await;
            self.op.retry(UNPLUG).while_busy(detach).await?;
        }
        let (model, portgroup) = (card.model.clone(), card.portgroup.clone());
        Ok(CardChange { vm: id.name.clone(), network: name, mac, model, portgroup, live })
    }

    /// libvirt asks the guest, and goes on after a few seconds whether that has given the card up or not.
    async fn await_unplugged(&self, id: &DomainId, mac: &str) -> Result<(), Error> {
        let mut retry = self.op.retry(UNPLUG);
        while card_with(&self.op.client().definitions().current(id.uuid).await?, mac).is_some() {
            if !retry.again().await? {
                let (vm, mac) = (id.name.clone(), mac.to_owned());
                return Err(NetworkError::StillPlugged { vm, mac, timeout: UNPLUG }.into());
            }
        }
        Ok(())
    }

    /// The VM, claimed, if its devices can be changed.
    async fn changeable(&self, vm: &str) -> Result<Vm, Error> {
        let vm = self.op.claim_vm(vm).await?;
        vm.refuse_saved()?;
        Ok(vm)
    }
}

/// The interface that the VM has there, unless another is asked for by its address.
fn present<'a>(vm: &'a Vm, card: &CardSpec, default: Option<&str>) -> Option<&'a Interface> {
    let mut interfaces = vm.stored.interfaces.iter().filter(|_| card.mac.is_none());
    interfaces.find(|interface| is_plugged(interface, &card.network, default))
}

/// Of a VM's cards the one that is named, or the only one.
pub(super) fn pick(
    macs: Vec<String>,
    network: &str,
    vm: &str,
    mac: Option<MacAddress>,
) -> Result<String, NetworkError> {
    let (network, vm) = (network.to_owned(), vm.to_owned());
    match (macs.as_slice(), mac) {
        ([], _) => Err(NetworkError::NotPlugged { network, vm }),
        (macs, Some(mac)) if macs.contains(&mac.to_string()) => Ok(mac.to_string()),
        (_, Some(mac)) => Err(NetworkError::NoSuchCard { network, vm, mac }),
        ([only], None) => Ok(only.clone()),
        (_, None) => Err(NetworkError::SeveralCards { network, vm, macs }),
    }
}

/// Whether the interface is there, and in the port group if one is named; `default` is the group of those that name
/// none.
fn is_plugged(card: &Interface, network: &NetworkSpec, default: Option<&str>) -> bool {
    match network {
        NetworkSpec::Network { name, portgroup } => {
            let group = card.portgroup.as_deref().or(default);
            card.kind == "network"
                && card.source.as_ref() == Some(name)
                && portgroup.as_deref().is_none_or(|wanted| group == Some(wanted))
        }
        NetworkSpec::Bridge(name) => card.kind == "bridge" && card.source.as_ref() == Some(name),
        NetworkSpec::User | NetworkSpec::None => false,
    }
}

fn card_with<'a>(domain: &'a Domain, mac: &str) -> Option<&'a Interface> {
    domain.interfaces.iter().find(|card| card.mac == mac)
}

/// The name without its kind.
fn plug_name(network: &NetworkSpec) -> String {
    match network {
        NetworkSpec::Network { name, .. } => name.clone(),
        other => other.to_string(),
    }
}

fn portgroup_of(network: &NetworkSpec) -> Option<String> {
    match network {
        NetworkSpec::Network { portgroup, .. } => portgroup.clone(),
        _ => None,
    }
}

fn no_card(card: &CardSpec) -> Invalid {
    Invalid::new("network to attach", card.network.to_string(), "expected NAME or bridge=NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_cards_one_has_to_be_named() {
        let macs = |list: &[&str]| list.iter().map(|mac| (*mac).to_owned()).collect::<Vec<_>>();
        let [one, two] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
        let named = two.parse().ok();
        assert_eq!(pick(macs(&[one]), "n", "v", None).ok().as_deref(), Some(one));
        assert_eq!(pick(macs(&[one, two]), "n", "v", named).ok().as_deref(), Some(two));
        assert!(matches!(pick(macs(&[one, two]), "n", "v", None), Err(NetworkError::SeveralCards { .. })));
        assert!(matches!(pick(macs(&[one]), "n", "v", named), Err(NetworkError::NoSuchCard { .. })));
        assert!(matches!(pick(macs(&[]), "n", "v", named), Err(NetworkError::NotPlugged { .. })));
    }
}
