//! Addresses that are kept for a VM: dnsmasq gives them to nobody else.

use std::net::IpAddr;

use super::identity::{Identity, VmInterfaces, hostname};
use super::users::interfaces_on;
use super::{NetworkError, ReservationStatus};
use crate::libvirt::{self, DomainId, HostUpdate, Lease, Network, NetworkIp, Reservation};
use crate::manager::claim::Subject;
use crate::manager::inventory::VmDefinitions;
use crate::manager::network::Networks;
use crate::manager::{AddressHolder, Already, Error, Event, SpecialAddress};
use crate::model::{Duid, Invalid, MacAddress};

/// An address to be kept for a VM.
#[derive(Debug, Clone)]
pub struct ReservationRequest {
    /// The address.
    pub ip: IpAddr,
    /// Which of the VM's interfaces on the network, if it has several.
    pub mac: Option<MacAddress>,
    /// The id by which DHCPv6 knows the guest; `None` takes the one that it has sent, or its host name.
    pub duid: Option<Duid>,
}

/// All that decides whether the address can be kept for the VM.
struct Candidate {
    /// The hardware address of its interface on the network.
    mac: String,
    identity: Identity,
    /// The addresses that are given there.
    leases: Vec<Lease>,
    /// The addresses of the family that are kept there.
    reservations: Vec<Reservation>,
    definitions: VmDefinitions,
}

impl Networks<'_> {
    /// Keeps the address for the VM on the network. The VM gets it when it next asks for one. It takes the place of
    /// another one of the same family that was kept for it.
    ///
    /// # Errors
    /// When the address is not one for guests there, somebody has it, or nothing tells the VM from others.
    pub async fn reserve(
        &self,
        network: &str,
        vm: &str,
        request: &ReservationRequest,
    ) -> Result<ReservationStatus, Error> {
        let found = self.op.client().networks().find(network).await?;
        // A delete that came in between would leave an address that is kept for nobody.
        let vm = self.op.client().domains().resolve(vm).await?;
        let _vm = self.op.claim_shared(Subject::Vm(vm.uuid), &vm.name).await?;
        self.op.client().domains().state(vm.uuid).await?;
        let _claim = self.op.claim_exclusive(Subject::Network(found.uuid), &found.name).await?;
        let network = self.op.client().networks().of_uuid(found.uuid).await?;
        check_request(request)?;
        let place = check_address(&network, request.ip)?;
        let candidate = self.candidate(&network, &vm, request).await?;
        candidate.check_free(&network, request.ip)?;
        candidate.check_duid(&network, request.duid.as_ref())?;
        let present = candidate.reservations.iter().find(|kept| candidate.identity.has(kept));
        let has_duid = |kept: &Reservation| request.duid.is_none() || kept.duid() == request.duid;
        if let Some(present) = present.filter(|kept| kept.ip == request.ip && has_duid(kept)) {
            self.op.report(Event::AlreadySo { name: &vm.name, what: Already::AddressReserved });
            return Ok(status(&network, present, Some(vm.name)));
        }
        let reservation = candidate.reservation(&network, place, &vm.name, request)?;
        let update = match present {
            Some(present) => HostUpdate::Replace { present, with: &reservation },
            None => HostUpdate::Add(&reservation),
        };
        self.op.check()?;
        match self.op.client().networks().update_reservation(&network, update).await {
            // Somebody else was faster.
            Err(libvirt::Error::Exists { object: libvirt::Object::Reservation, .. }) => {
                let by = AddressHolder::Reservation;
                return Err(NetworkError::AddressTaken { ip: request.ip, network: network.name, by }.into());
            }
            other => other?,
        }
        let mut reserved = status(&network, &reservation, Some(vm.name));
        if let Some(present) = present {
            reserved.id = reserved.id.or(present.id.clone());
            reserved.hostname = reserved.hostname.or(present.name.clone());
        }
        Ok(reserved)
    }

    async fn candidate(
        &self,
        network: &Network,
        vm: &DomainId,
        request: &ReservationRequest,
    ) -> Result<Candidate, Error> {
        let definitions = VmDefinitions::load(self.op).await?;
        let mac = interface_of(&definitions, network, &vm.name, request.mac)?;
        let leases = self.leases_of(network).await?;
        let interfaces =
            VmInterfaces::read(definitions.all().filter(|domain| domain.uuid == vm.uuid), network);
        // IPv6's ids are the guest's, not the interface's.
        let is_v4 = request.ip.is_ipv4();
        let only = [mac.as_str()];
        let only = is_v4.then_some(only.as_slice());
        let identity = Identity::new(&vm.name, &interfaces, only, &self.vm_names().await?, &leases);
        let mut reservations = self.all_reservations(network).await?;
        reservations.retain(|kept| kept.ip.is_ipv4() == is_v4);
        Ok(Candidate { mac, identity, leases, reservations, definitions })
    }

    /// The addresses that the network keeps, in the definition that it has now, then those of the stored one alone.
    pub(super) async fn all_reservations(
        &self,
        network: &Network,
    ) -> Result<Vec<Reservation>, libvirt::Error> {
        let mut all: Vec<Reservation> = network.reservations().cloned().collect();
        let stored = self.op.client().networks().stored(network).await?;
        for kept in stored.reservations() {
            if !all.iter().any(|known| known.is_same(kept)) {
                all.push(kept.clone());
            }
        }
        Ok(all)
    }
}

impl Candidate {
    /// Neither kept for nor given to somebody else.
    fn check_free(&self, network: &Network, ip: IpAddr) -> Result<(), NetworkError> {
        let is_others = |kept: &&Reservation| kept.ip == ip && !self.identity.has(kept);
        let kept = self.reservations.iter().find(is_others).map(|kept| self.holder_of_reservation(kept));
        let given = self.leases.iter().find(|lease| lease.ip == ip && !self.identity.holds(lease));
        match kept.or_else(|| given.map(|lease| self.holder_of(&lease.mac))) {
            None => Ok(()),
            Some(by) => Err(NetworkError::AddressTaken { ip, network: network.name.clone(), by }),
        }
    }

    /// dnsmasq gives a guest what is kept for its DUID: two that share one would get each other's.
    fn check_duid(&self, network: &Network, duid: Option<&Duid>) -> Result<(), NetworkError> {
        let Some(duid) = duid else { return Ok(()) };
        let is_others = |kept: &&Reservation| kept.duid().as_ref() == Some(duid) && !self.identity.has(kept);
        match self.reservations.iter().find(is_others) {
            None => Ok(()),
            Some(kept) => {
                let by = self.holder_of_reservation(kept);
                Err(NetworkError::DuidTaken { duid: duid.clone(), network: network.name.clone(), by })
            }
        }
    }

    fn holder_of_reservation(&self, kept: &Reservation) -> AddressHolder {
        let mac = kept.mac.clone().or_else(|| kept.duid()?.mac());
        match (mac, kept.name.as_ref().or(kept.id.as_ref())) {
            (Some(mac), _) => self.holder_of(&mac),
            (None, Some(host)) => AddressHolder::Host(host.clone()),
            (None, None) => AddressHolder::Reservation,
        }
    }

    fn holder_of(&self, mac: &str) -> AddressHolder {
        match self.definitions.holder_of(mac) {
            Some(domain) => AddressHolder::Vm(domain.name.clone()),
            None => AddressHolder::Interface(mac.to_owned()),
        }
    }

    /// What is to be kept. What is there already stays as it is but for the address: it may be somebody's choice.
    fn reservation(
        &self,
        network: &Network,
        place: &NetworkIp,
        vm: &str,
        request: &ReservationRequest,
    ) -> Result<Reservation, NetworkError> {
        let is_new = !self.reservations.iter().any(|kept| self.identity.has(kept));
        // libvirt takes a name for one address of a subnet only.
        let is_free = |name: &String| !place.reservations.iter().any(|kept| kept.is_of_name(name));
        let name = hostname(vm).filter(|name| is_new && is_free(name));
        if request.ip.is_ipv4() {
            return Ok(Reservation::of_mac(self.mac.clone(), request.ip, name));
        }
        let new_duid = self.identity.duid().filter(|_| is_new);
        let id = request.duid.as_ref().or(new_duid).map(Duid::to_string);
        if is_new && id.is_none() && name.is_none() {
            return Err(NetworkError::UnknownToDhcp { network: network.name.clone(), vm: vm.to_owned() });
        }
        Ok(Reservation::of_id(id, request.ip, name))
    }
}

/// The VM's interface on the network: the one that is named, or the only one.
fn interface_of(
    definitions: &VmDefinitions,
    network: &Network,
    vm: &str,
    mac: Option<MacAddress>,
) -> Result<String, NetworkError> {
    let there = interfaces_on(definitions, network).into_iter().filter(|interface| interface.vm == vm);
    super::interface::pick(there.map(|interface| interface.mac).collect(), &network.name, vm, mac)
}

fn check_request(request: &ReservationRequest) -> Result<(), Invalid> {
    match &request.duid {
        Some(duid) if request.ip.is_ipv4() => {
            let reason = "a DUID is for an IPv6 address; for IPv4, a guest is identified by its MAC address";
            Err(Invalid::new("DUID", duid.to_string(), reason))
        }
        _ => Ok(()),
    }
}

/// The host's address in the subnet that has the address, if that is one for guests.
fn check_address(network: &Network, ip: IpAddr) -> Result<&NetworkIp, NetworkError> {
    let name = || network.name.clone();
    let Some(dhcp) = network.dhcp_ip(ip.is_ipv6()) else {
        return Err(NetworkError::NoDhcp { network: name(), ipv6: ip.is_ipv6() });
    };
    let subnet = dhcp.subnet();
    if !subnet.contains(ip) {
        return Err(NetworkError::OutsideSubnet { ip, subnet, network: name() });
    }
    let what = if network.is_own(ip) {
        SpecialAddress::Host
    } else if ip == subnet.address() {
        SpecialAddress::Subnet
    } else if Some(ip) == subnet.broadcast() {
        SpecialAddress::Broadcast
    } else {
        return Ok(dhcp);
    };
    Err(NetworkError::NotForGuests { ip, network: name(), what })
}

pub(super) fn status(network: &Network, kept: &Reservation, vm: Option<String>) -> ReservationStatus {
    ReservationStatus {
        network: network.name.clone(),
        ip: kept.ip,
        mac: kept.mac.clone(),
        id: kept.id.clone(),
        hostname: kept.name.clone(),
        vm,
    }
}
