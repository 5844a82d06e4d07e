use super::{NetworkError, Networks};
use crate::libvirt::Network;
use crate::manager::Error;
use crate::manager::inventory::VmDefinitions;
use crate::model::MacAddress;
use crate::model::Uuid;

/// A VM's interface that is attached to a network.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AttachedInterface {
    /// The VM.
    pub vm: String,
    /// Its hardware address, in lower case.
    pub mac: String,
    /// Its model, such as `virtio`.
    pub model: Option<String>,
    /// The port group that it is in: the one that it names, or the network's default one.
    pub portgroup: Option<String>,
    /// Whether the VM runs with it; else it gets it at its next start.
    pub active: bool,
}

/// The interfaces on the network, in the order of the VMs.
pub(super) fn interfaces_on(definitions: &VmDefinitions, network: &Network) -> Vec<AttachedInterface> {
    let default = || network.default_portgroup().map(|group| group.name.clone());
    let found = definitions.interfaces_on(network).into_iter();
    found
        .map(|(domain, interface, active)| AttachedInterface {
            vm: domain.name.clone(),
            mac: interface.mac.clone(),
            model: interface.model.clone(),
            portgroup: interface.portgroup.clone().or_else(default),
            active,
        })
        .collect()
}

/// The names of the VMs that have the interfaces, each once.
pub(super) fn names<'a>(interfaces: impl Iterator<Item = &'a AttachedInterface>) -> Vec<String> {
    let mut names: Vec<String> = interfaces.map(|interface| interface.vm.clone()).collect();
    names.dedup();
    names
}

impl Networks<'_> {
    /// No VM but the one excepted has an interface with one of the addresses.
    pub(in crate::manager) async fn refuse_taken_macs(
        &self,
        macs: &[MacAddress],
        except: Option<Uuid>,
    ) -> Result<(), Error> {
        if macs.is_empty() {
            return Ok(());
        }
        let definitions = VmDefinitions::load(self.op).await?;
        for mac in macs {
            if let Some(holder) = definitions.holder_of(&mac.to_string())
                && except != Some(holder.uuid)
            {
                return Err(NetworkError::MacTaken { mac: *mac, vm: holder.name.clone() }.into());
            }
        }
        Ok(())
    }
}
