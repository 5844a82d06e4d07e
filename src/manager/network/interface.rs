//! Attaches network interfaces to VMs and detaches them, running VMs included.

use std::time::Duration;

use super::NetworkError;
use crate::libvirt::{self, Affects, Domain, DomainId, Interface, InterfaceSource, Network};
use crate::manager::claim::Subject;
use crate::manager::inventory::is_on;
use crate::manager::network::Networks;
use crate::manager::vm::Vm;
use crate::manager::{Already, Error, Event};
use crate::model::{InterfaceSpec, Invalid, MacAddress, NetworkSpec};

/// How long a guest has to release an interface.
const UNPLUG: Duration = Duration::from_secs(30);

/// An interface that was attached or detached.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InterfaceChange {
    /// The VM.
    pub vm: String,
    /// The network or bridge.
    pub network: String,
    /// The interface's hardware address.
    pub mac: String,
    /// Its model, such as `virtio`.
    pub model: Option<String>,
    /// The port group of the network that it is in, if it names one.
    pub portgroup: Option<String>,
    /// Whether the VM runs, so that its guest saw it at once.
    pub live: bool,
}

impl Networks<'_> {
    /// Attaches an interface to the VM: to its stored definition, and if it runs to the running one.
    ///
    /// # Errors
    /// When there is no such network or VM, the hardware address is taken, or the machine has no place left.
    pub async fn attach(&self, interface: &InterfaceSpec, vm: &str) -> Result<InterfaceChange, Error> {
        let vm = self.changeable(vm).await?;
        let (id, live) = (&vm.id, vm.running.is_some());
        let default = self.default_portgroup(&interface.network).await?;
        if let Some(present) = present(&vm, interface, default.as_deref()) {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Attached });
            let network = network_name(&interface.network);
            let Interface { mac, model, portgroup, .. } = present.clone();
            return Ok(InterfaceChange { vm: id.name.clone(), network, mac, model, portgroup, live });
        }
        let mut _network = None;
        let source = match &interface.network {
            NetworkSpec::Network { name, portgroup } => {
                _network = Some(self.ready_network(name, portgroup.as_deref(), live).await?);
                InterfaceSource::Network { name: name.clone(), portgroup: portgroup.clone() }
            }
            NetworkSpec::Bridge(name) => {
                self.check_bridge(name)?;
                InterfaceSource::Bridge(name.clone())
            }
            NetworkSpec::User | NetworkSpec::None => return Err(not_attachable(interface).into()),
        };
        let _mac = match interface.mac {
            Some(mac) => {
                Some(self.op.claim_exclusive(Subject::Mac(&mac.to_string()), &mac.to_string()).await?)
            }
            None => None,
        };
        self.refuse_taken_macs(interface.mac.as_slice(), None).await?;
        let mac = interface.mac.unwrap_or_else(MacAddress::random).to_string();
        let model = interface.model.unwrap_or_else(|| vm.current().hardware().nic_model);
        let new = libvirt::InterfaceSpec { mac: mac.clone(), source, model: Some(model) };
        self.op.check()?;
        self.op.client().hardware().attach_interface(id.uuid, &new, vm.affects()).await?;
        let model = Some(model.name().to_owned());
        let (network, portgroup) = (network_name(&interface.network), portgroup_of(&interface.network));
        Ok(InterfaceChange { vm: id.name.clone(), network, mac, model, portgroup, live })
    }

    /// The port group of interfaces that name none, where one is asked for.
    async fn default_portgroup(&self, network: &NetworkSpec) -> Result<Option<String>, Error> {
        let NetworkSpec::Network { name, portgroup: Some(_) } = network else { return Ok(None) };
        let network = self.op.client().networks().find(name).await?;
        Ok(network.default_portgroup().map(|group| group.name.clone()))
    }

    /// Detaches the VM's interface on the network, from the running VM and its stored definition; a reserved address
    /// of it goes too.
    ///
    /// # Errors
    /// [`NetworkError::SeveralInterfaces`] when it has several and none is named; [`NetworkError::StillPlugged`]
    /// when its guest does not release the interface.
    pub async fn detach(
        &self,
        network: &NetworkSpec,
        vm: &str,
        mac: Option<MacAddress>,
    ) -> Result<InterfaceChange, Error> {
        let vm = self.changeable(vm).await?;
        let id = &vm.id;
        // By the bridge of a network that is named, too; one that is gone may be unplugged from all the same.
        let named =
            |known: &Network| matches!(network, NetworkSpec::Network { name, .. } if *name == known.name);
        let known = self.op.client().networks().list().await?.into_iter().find(named);
        let default = known.as_ref().and_then(Network::default_portgroup).map(|group| group.name.as_str());
        let is_any = !matches!(network, NetworkSpec::Network { portgroup: Some(_), .. });
        let plugged = |interface: &&Interface| {
            is_attached_to(interface, network, default)
                || known.as_ref().is_some_and(|known| is_any && is_on(interface, known))
        };
        let mut macs: Vec<String> = Vec::new();
        for domain in vm.definitions() {
            macs.extend(domain.interfaces.iter().filter(plugged).map(|interface| interface.mac.clone()));
        }
        macs.sort();
        macs.dedup();
        let name = network_name(network);
        let mac = pick(macs, &network.in_words(), &id.name, mac)?;
        let in_running = vm.running.as_ref().and_then(|domain| interface_with_mac(domain, &mac));
        let in_stored = interface_with_mac(&vm.stored, &mac);
        let Some(interface) = in_running.or(in_stored) else {
            return Err(NetworkError::NotPlugged { network: network.in_words(), vm: id.name.clone() }.into());
        };
        self.op.check()?;
        let live = in_running.is_some();
        if live {
            self.op
                .client()
                .hardware()
                .detach_interface(id.uuid, &interface.kind, &mac, Affects::Running)
                .await?;
            self.op.race(self.await_unplugged(id, &mac)).await?;
        }
        // Before the definition forgets it: whose the address was nothing tells afterwards.
        let release = async || Ok(self.release(&id.name, vm.definitions(), Some(&[&mac])).await?);
        self.op.while_daemon_restarts(release).await?;
        // A guest that keeps it has it after its next start, too.
        if in_stored.is_some() {
            let (hardware, kind) = (self.op.client().hardware(), &interface.kind);
            let detach = async || hardware.detach_interface(id.uuid, kind, &mac, Affects::Stored).await;
            self.op.retry(UNPLUG).while_busy(detach).await?;
        }
        let (model, portgroup) = (interface.model.clone(), interface.portgroup.clone());
        Ok(InterfaceChange { vm: id.name.clone(), network: name, mac, model, portgroup, live })
    }

    /// libvirt asks the guest, and goes on after a few seconds whether that has released the interface or not.
    async fn await_unplugged(&self, id: &DomainId, mac: &str) -> Result<(), Error> {
        let mut retry = self.op.retry(UNPLUG);
        while interface_with_mac(&self.op.client().definitions().current(id.uuid).await?, mac).is_some() {
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
fn present<'a>(vm: &'a Vm, interface: &InterfaceSpec, default: Option<&str>) -> Option<&'a Interface> {
    let mut interfaces = vm.stored.interfaces.iter().filter(|_| interface.mac.is_none());
    interfaces.find(|present| is_attached_to(present, &interface.network, default))
}

/// Of a VM's interfaces the one that is named, or the only one.
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
        (_, Some(mac)) => Err(NetworkError::NoSuchInterface { network, vm, mac }),
        ([only], None) => Ok(only.clone()),
        (_, None) => Err(NetworkError::SeveralInterfaces { network, vm, macs }),
    }
}

/// Whether the interface is there, and in the port group if one is named; `default` is the group of those that name
/// none.
fn is_attached_to(interface: &Interface, network: &NetworkSpec, default: Option<&str>) -> bool {
    match network {
        NetworkSpec::Network { name, portgroup } => {
            let group = interface.portgroup.as_deref().or(default);
            interface.kind == "network"
                && interface.source.as_ref() == Some(name)
                && portgroup.as_deref().is_none_or(|wanted| group == Some(wanted))
        }
        NetworkSpec::Bridge(name) => interface.kind == "bridge" && interface.source.as_ref() == Some(name),
        NetworkSpec::User | NetworkSpec::None => false,
    }
}

fn interface_with_mac<'a>(domain: &'a Domain, mac: &str) -> Option<&'a Interface> {
    domain.interfaces.iter().find(|interface| interface.mac == mac)
}

/// The name without its kind.
fn network_name(network: &NetworkSpec) -> String {
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

fn not_attachable(interface: &InterfaceSpec) -> Invalid {
    Invalid::new("network to attach", interface.network.to_string(), "expected NAME or bridge=NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_several_interfaces_one_has_to_be_named() {
        let macs = |list: &[&str]| list.iter().map(|mac| (*mac).to_owned()).collect::<Vec<_>>();
        let [one, two] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
        let named = two.parse().ok();
        assert_eq!(pick(macs(&[one]), "n", "v", None).ok().as_deref(), Some(one));
        assert_eq!(pick(macs(&[one, two]), "n", "v", named).ok().as_deref(), Some(two));
        assert!(matches!(
            pick(macs(&[one, two]), "n", "v", None),
            Err(NetworkError::SeveralInterfaces { .. })
        ));
        assert!(matches!(pick(macs(&[one]), "n", "v", named), Err(NetworkError::NoSuchInterface { .. })));
        assert!(matches!(pick(macs(&[]), "n", "v", named), Err(NetworkError::NotPlugged { .. })));
    }
}
