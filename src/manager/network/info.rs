use std::net::IpAddr;

use super::identity::{duid_of, hostname};
use super::reserve::status as status_of;
use super::users::{self, AttachedInterface, interfaces_on};
use crate::libvirt::{Lease, Network, Reservation};
use crate::manager::Error;
use crate::manager::inventory::VmDefinitions;
use crate::manager::network::Networks;
use crate::model::{Timestamp, Uuid};

/// A network of libvirt, and how much it is used.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkStatus {
    /// The network itself.
    #[serde(flatten)]
    pub network: Network,
    /// How many addresses are given there at present.
    pub lease_count: usize,
    /// The VMs that are plugged in, running or not, by name.
    pub vms: Vec<String>,
}

/// All there is to know of a network.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkInfo {
    /// The network, and how much it is used.
    #[serde(flatten)]
    pub status: NetworkStatus,
    /// The interfaces that are attached to it.
    #[serde(rename = "cards")]
    pub interfaces: Vec<AttachedInterface>,
    /// The addresses that are given there at present.
    pub leases: Vec<LeaseStatus>,
    /// The addresses that are kept.
    pub reservations: Vec<ReservationStatus>,
}

/// An address that dnsmasq has given.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LeaseStatus {
    /// The address.
    pub ip: IpAddr,
    /// The hardware address that has it.
    pub mac: String,
    /// The host name that the client sent.
    pub hostname: Option<String>,
    /// The client id that the client sent: with IPv6 its DUID.
    pub client_id: Option<String>,
    /// When it ends; `None` if never.
    pub expires: Option<Timestamp>,
    /// The VM that has the interface; `None` for one that is not libvirt's, or not any more.
    pub vm: Option<String>,
}

/// An address that is kept for one interface.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ReservationStatus {
    /// The network.
    pub network: String,
    /// The address.
    pub ip: IpAddr,
    /// The interface's hardware address; `None` for one that is kept by id or name.
    pub mac: Option<String>,
    /// The id that the guest gives of itself, with IPv6 its DUID.
    pub id: Option<String>,
    /// The name that was sent with it.
    pub hostname: Option<String>,
    /// The VM that has the interface; `None` when there is none.
    pub vm: Option<String>,
}

impl Networks<'_> {
    /// The names of all networks.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.op.client().networks().names().await?)
    }

    /// All networks of libvirt, by name.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn list(&self) -> Result<Vec<NetworkStatus>, Error> {
        let networks = self.op.client().networks().list().await?;
        let uuids: Vec<Uuid> = networks.iter().map(|network| network.uuid).collect();
        let leases = self.op.client().networks().leases(&uuids).await?;
        let definitions = VmDefinitions::load(self.op).await?;
        let statuses = networks.into_iter().zip(leases);
        Ok(statuses.map(|(network, leases)| status(network, &leases, &definitions)).collect())
    }

    /// All there is to know of a network.
    ///
    /// # Errors
    /// When there is no such network, or libvirt can't be asked.
    pub async fn info(&self, name: &str) -> Result<NetworkInfo, Error> {
        self.info_of(self.op.client().networks().find(name).await?).await
    }

    async fn info_of(&self, network: Network) -> Result<NetworkInfo, Error> {
        let leases = self.op.client().networks().leases(&[network.uuid]).await?.pop().unwrap_or_default();
        let definitions = VmDefinitions::load(self.op).await?;
        let vm = |mac: &str| definitions.holder_of(mac).map(|domain| domain.name.clone());
        let interfaces = interfaces_on(&definitions, &network);
        let all = self.all_reservations(&network).await?;
        let reservations = all.iter().map(|kept| {
            let of_mac = mac_of(kept, &leases).as_deref().and_then(vm);
            status_of(&network, kept, of_mac.or_else(|| vm_of_name(kept, &interfaces)))
        });
        Ok(NetworkInfo {
            reservations: reservations.collect(),
            interfaces,
            status: status(network, &leases, &definitions),
            leases: leases
                .into_iter()
                .map(|lease| LeaseStatus {
                    ip: lease.ip,
                    vm: vm(&lease.mac),
                    mac: lease.mac,
                    hostname: lease.hostname,
                    client_id: lease.client_id,
                    expires: lease.expires,
                })
                .collect(),
        })
    }

    pub(super) async fn network_status(&self, uuid: Uuid) -> Result<NetworkStatus, Error> {
        Ok(self.info_of(self.op.client().networks().of_uuid(uuid).await?).await?.status)
    }
}

/// The hardware address of the host that the address is kept for, as far as it or a lease tells.
fn mac_of(kept: &Reservation, leases: &[Lease]) -> Option<String> {
    let duid = || kept.duid().filter(|_| kept.mac.is_none());
    let leased = || leases.iter().find(|lease| duid_of(lease).is_some_and(|seen| Some(seen) == duid()));
    kept.mac.clone().or_else(|| leased().map(|lease| lease.mac.clone())).or_else(|| duid()?.mac())
}

/// The VM on the network that has the name for which the address is kept.
fn vm_of_name(kept: &Reservation, interfaces: &[AttachedInterface]) -> Option<String> {
    let mut vms = interfaces.iter().map(|interface| &interface.vm).filter(|_| kept.mac.is_none());
    vms.find(|vm| hostname(vm).is_some_and(|name| kept.is_of_name(&name))).cloned()
}

fn status(network: Network, leases: &[Lease], definitions: &VmDefinitions) -> NetworkStatus {
    let vms = users::names(interfaces_on(definitions, &network).iter());
    NetworkStatus { lease_count: leases.len(), vms, network }
}
