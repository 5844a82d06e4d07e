//! Starting and stopping networks.

use super::users::{self, interfaces_on};
use super::{NetworkError, NetworkStatus};
use crate::libvirt::{self, Network};
use crate::manager::claim::{Claim, Subject};
use crate::manager::inventory::VmDefinitions;
use crate::manager::network::Networks;
use crate::manager::{Already, Error, Event};
use crate::model::Uuid;

impl Networks<'_> {
    /// The network for a VM, with the port group if one is named, started if it is inactive and `act` says so, and a
    /// claim under which it stays.
    pub(in crate::manager) async fn ready_network(
        &self,
        name: &str,
        portgroup: Option<&str>,
        act: bool,
    ) -> Result<Claim, Error> {
        let uuid = match self.op.client().networks().find(name).await {
            Err(error) if error.is_not_found() && self.refuse_session().is_err() => {
                return Err(NetworkError::NotInSession { name: name.to_owned() }.into());
            }
            found => found?.uuid,
        };
        let claim = self.op.claim_shared(Subject::Network(uuid), name).await?;
        // Claimed by now: what it was before may have been another command's to end.
        let network = self.op.client().networks().of_uuid(uuid).await?;
        check_portgroup(&network, portgroup)?;
        if !network.active && act {
            self.op.client().networks().start(network.uuid).await?;
            self.op.report(Event::NetworkStarted { name });
        }
        Ok(claim)
    }

    /// Starts the network. One that is up is fine.
    ///
    /// # Errors
    /// When there is no such network, or libvirt refuses.
    pub async fn start(&self, name: &str) -> Result<NetworkStatus, Error> {
        let network = self.op.client().networks().find(name).await?;
        self.op.check()?;
        if network.active {
            self.op.report(Event::AlreadySo { name: &network.name, what: Already::Active });
        } else {
            self.refuse_session()?;
            self.bring_up(&network.name, network.uuid).await?;
        }
        self.network_status(network.uuid).await
    }

    /// Stops the network, with `force` whoever is plugged in. One that is inactive is fine. Gives the network as
    /// it is then; one that libvirt does not keep is gone with it.
    ///
    /// # Errors
    /// [`NetworkError::InUse`] when running VMs are plugged in.
    pub async fn stop(&self, name: &str, force: bool) -> Result<NetworkStatus, Error> {
        let uuid = self.op.client().networks().find(name).await?.uuid;
        let _claim = self.op.claim_exclusive(Subject::Network(uuid), name).await?;
        let mut network = self.op.client().networks().of_uuid(uuid).await?;
        self.op.check()?;
        if !network.active {
            self.op.report(Event::AlreadySo { name: &network.name, what: Already::Inactive });
            return self.network_status(network.uuid).await;
        }
        if !force {
            self.refuse_used(&network, true).await?;
        }
        match self.op.client().networks().destroy(network.uuid).await {
            Ok(()) | Err(libvirt::Error::WrongState { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if network.persistent {
            return self.network_status(network.uuid).await;
        }
        network.active = false;
        Ok(NetworkStatus { network, lease_count: 0, vms: Vec::new() })
    }

    /// Whether libvirt starts the network by itself.
    ///
    /// # Errors
    /// When there is no such network, or it is one that does not stay.
    pub async fn autostart(&self, name: &str, autostart: bool) -> Result<NetworkStatus, Error> {
        let network = self.op.client().networks().find(name).await?;
        self.op.check()?;
        if network.autostart == autostart {
            let what = if autostart { Already::Autostarted } else { Already::NotAutostarted };
            self.op.report(Event::AlreadySo { name: &network.name, what });
        } else {
            self.op.client().networks().set_autostart(network.uuid, autostart).await?;
        }
        self.network_status(network.uuid).await
    }

    pub(super) async fn bring_up(&self, name: &str, uuid: Uuid) -> Result<(), Error> {
        self.op.client().networks().start(uuid).await.map_err(|cause| match cause {
            libvirt::Error::Refused { .. } => {
                NetworkError::NotStarted { network: name.to_owned(), cause }.into()
            }
            other => other.into(),
        })
    }

    /// No VM is plugged in, or no running one.
    pub(super) async fn refuse_used(&self, network: &Network, running: bool) -> Result<(), Error> {
        let interfaces = interfaces_on(&VmDefinitions::load(self.op).await?, network);
        let vms = users::names(interfaces.iter().filter(|interface| interface.active || !running));
        if vms.is_empty() {
            return Ok(());
        }
        Err(NetworkError::InUse { network: network.name.clone(), vms, running }.into())
    }

    /// Only root's libvirt may change the host's network. For root a session is the system.
    pub(super) fn refuse_session(&self) -> Result<(), Error> {
        if self.op.locality().is_session() && !crate::host::is_root() {
            return Err(NetworkError::Session.into());
        }
        Ok(())
    }
}

/// libvirt takes any name, and gives an interface of a group that is not there no settings at all.
fn check_portgroup(network: &Network, portgroup: Option<&str>) -> Result<(), NetworkError> {
    let Some(group) = portgroup else { return Ok(()) };
    if network.portgroups.iter().any(|known| known.name == group) {
        return Ok(());
    }
    Err(NetworkError::NoPortGroup {
        network: network.name.clone(),
        portgroup: group.to_owned(),
        known: network.portgroups.iter().map(|known| known.name.clone()).collect(),
    })
}
