//! Addresses that are kept for a VM's card: dnsmasq gives them to nobody else.

use std::net::{IpAddr, Ipv4Addr};

use super::users::interfaces_on;
use super::{NetworkError, ReservationStatus};
use crate::libvirt::{self, Domain, HostUpdate, Network, Reservation};
use crate::manager::claim::Subject;
use crate::manager::inventory::VmDefinitions;
use crate::manager::network::Networks;
use crate::manager::{AddressHolder, Already, Error, Event, SpecialAddress, Warning};
use crate::model::{MacAddress, Uuid};

impl Networks<'_> {
    /// Keeps the address for the VM's card on the network. The VM gets it when it next asks for one.
    ///
    /// # Errors
    /// When the address is not one for guests there, or somebody has it.
    pub async fn reserve(
        &self,
        network: &str,
        vm: &str,
        ip: Ipv4Addr,
        mac: Option<MacAddress>,
    ) -> Result<ReservationStatus, Error> {
        let found = self.op.client().networks().find(network).await?;
        let _claim = self.op.own(Subject::Network(found.uuid), &found.name).await?;
        let network = self.op.client().networks().of_uuid(found.uuid).await?;
        check_address(&network, ip)?;
        let domain = self.op.client().domains().resolve(vm).await?;
        let definitions = VmDefinitions::load(self.op).await?;
        let mac = card_of(&definitions, &network, &domain.name, mac)?;
        self.check_free(&network, ip, &mac, &definitions).await?;
        let present = network.reservations().find(|kept| kept.ip.is_ipv4() && kept.is_of_mac(&mac));
        let name = free_hostname(&network, &domain.name, &mac);
        let reservation = Reservation::of_mac(mac, ip, name);
        self.op.check()?;
        let update = match present {
            Some(present) if present.ip == ip => {
                self.op.report(Event::AlreadySo { name: &domain.name, what: Already::AddressReserved });
                return Ok(status(&network, present, Some(domain.name)));
            }
            Some(_) => HostUpdate::Modify,
            None => HostUpdate::Add,
        };
        match self.op.client().networks().update_reservation(&network, update, &reservation).await {
            // Somebody else was faster.
            Err(libvirt::Error::Exists { object: libvirt::Object::Reservation, .. }) => {
                let by = AddressHolder::Reservation;
                return Err(NetworkError::AddressTaken { ip, network: network.name, by }.into());
            }
            other => other?,
        }
        Ok(status(&network, &reservation, Some(domain.name)))
    }

    /// Keeps no address any more for the VM's cards on the network, or for the one of them. Instead of a VM
    /// the address or hardware address of a reservation is taken too, for one whose VM is gone.
    ///
    /// # Errors
    /// When there is no such network or VM.
    pub async fn unreserve(
        &self,
        network: &str,
        vm: &str,
        mac: Option<MacAddress>,
    ) -> Result<Vec<ReservationStatus>, Error> {
        let network = self.op.client().networks().find(network).await?;
        let (name, macs) = match self.op.client().domains().resolve(vm).await {
            Ok(domain) => {
                let cards = interfaces_on(&VmDefinitions::load(self.op).await?, &network);
                let own = cards.into_iter().filter(|card| card.vm == domain.name).map(|card| card.mac);
                let own = own.collect::<Vec<_>>();
                (Some(domain.name), own)
            }
            Err(error) if error.is_not_found() => {
                let named = |kept: &&Reservation| kept.is_of_mac(vm) || kept.ip.to_string() == vm;
                match network.reservations().find(named) {
                    Some(kept) => (None, kept.mac.iter().cloned().collect()),
                    None => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        let mac = mac.map(|mac| mac.to_string());
        let mut removed = Vec::new();
        for kept in network.reservations() {
            let named = kept.mac.as_ref().is_some_and(|own| macs.contains(own));
            if named && mac.as_ref().is_none_or(|mac| kept.is_of_mac(mac)) {
                self.op.check()?;
                self.op.client().networks().update_reservation(&network, HostUpdate::Remove, kept).await?;
                removed.push(status(&network, kept, name.clone()));
            }
        }
        if removed.is_empty() {
            self.op.report(Event::AlreadySo { name: vm, what: Already::NoReservation });
        }
        Ok(removed)
    }

    /// Keeps no address any more for a VM that goes. That it can't be done is a warning: the VM goes all the
    /// same.
    pub(in crate::manager) async fn release_reservations(&self, uuid: Uuid) {
        // A connection that is lost is told by what follows.
        if let Err(error) = self.try_release(uuid).await
            && !error.is_connection()
        {
            self.op.report(Event::Warning(Warning::ReservationStays { reason: error.to_string() }));
        }
    }

    async fn try_release(&self, uuid: Uuid) -> Result<(), libvirt::Error> {
        let domain: Domain = match self.op.client().definitions().stored(uuid).await {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        let plugged = |card: &libvirt::Interface| matches!(card.kind.as_str(), "network" | "bridge");
        let cards = domain.interfaces.iter().filter(|card| plugged(card));
        self.release_cards(&cards.map(|card| card.mac.as_str()).collect::<Vec<_>>()).await
    }

    /// Keeps no address any more for cards that go.
    pub(super) async fn release_cards(&self, macs: &[&str]) -> Result<(), libvirt::Error> {
        if macs.is_empty() {
            return Ok(());
        }
        for network in self.op.client().networks().list().await? {
            let of_cards = |kept: &&Reservation| macs.iter().any(|mac| kept.is_of_mac(mac));
            for kept in network.reservations().filter(of_cards) {
                self.op.client().networks().update_reservation(&network, HostUpdate::Remove, kept).await?;
            }
        }
        Ok(())
    }

    /// Neither kept nor given to another card.
    async fn check_free(
        &self,
        network: &Network,
        ip: Ipv4Addr,
        mac: &str,
        definitions: &VmDefinitions,
    ) -> Result<(), Error> {
        let kept = network.reservations().find(|kept| kept.ip == ip);
        let kept = kept.map(|kept| kept.mac.as_ref().or(kept.name.as_ref()).cloned().unwrap_or_default());
        let leases = self.op.client().networks().leases(&[network.uuid]).await?.pop().unwrap_or_default();
        let given = leases.into_iter().find(|lease| lease.ip == IpAddr::V4(ip)).map(|lease| lease.mac);
        match kept.into_iter().chain(given).find(|holder| holder != mac) {
            None => Ok(()),
            Some(holder) => {
                let vm = definitions.holder_of(&holder).map(|domain| AddressHolder::Vm(domain.name.clone()));
                let by = vm.unwrap_or(AddressHolder::Interface(holder));
                Err(NetworkError::AddressTaken { ip, network: network.name.clone(), by }.into())
            }
        }
    }
}

/// The VM's card on the network: the one that is named, or the only one.
fn card_of(
    definitions: &VmDefinitions,
    network: &Network,
    vm: &str,
    mac: Option<MacAddress>,
) -> Result<String, NetworkError> {
    let cards = interfaces_on(definitions, network).into_iter().filter(|card| card.vm == vm);
    super::interface::pick(cards.map(|card| card.mac).collect(), &network.name, vm, mac)
}

fn check_address(network: &Network, ip: Ipv4Addr) -> Result<(), NetworkError> {
    let name = network.name.clone();
    let Some(subnet) = network.dhcp_subnet() else {
        return Err(NetworkError::NoDhcp { network: name });
    };
    if !subnet.contains(ip) {
        return Err(NetworkError::OutsideSubnet { ip, subnet, network: name });
    }
    let what = if network.is_own(ip) {
        SpecialAddress::Host
    } else if ip == subnet.address() {
        SpecialAddress::Subnet
    } else if ip == subnet.broadcast() {
        SpecialAddress::Broadcast
    } else {
        return Ok(());
    };
    Err(NetworkError::NotForGuests { ip, network: name, what })
}

/// The VM's name as a host name, which libvirt wants to begin with a letter and to be one card's alone.
fn free_hostname(network: &Network, vm: &str, mac: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = vm.len() <= 63 && vm.starts_with(|c: char| c.is_ascii_alphabetic()) && vm.chars().all(plain);
    let taken = |kept: &Reservation| !kept.is_of_mac(mac) && kept.name.as_deref() == Some(vm);
    (fits && !network.reservations().any(taken)).then(|| vm.to_owned())
}

fn status(network: &Network, kept: &Reservation, vm: Option<String>) -> ReservationStatus {
    ReservationStatus {
        network: network.name.clone(),
        ip: kept.ip,
        mac: kept.mac.clone(),
        id: kept.id.clone(),
        hostname: kept.name.clone(),
        vm,
    }
}
