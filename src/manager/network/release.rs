//! Addresses that are kept for a VM no more.

use std::net::IpAddr;

use super::identity::{Identity, VmInterfaces};
use super::reserve::status;
use super::{NetworkError, ReservationStatus};
use crate::libvirt::{self, Domain, HostUpdate, Lease, Network, Reservation};
use crate::manager::claim::Subject;
use crate::manager::inventory::VmDefinitions;
use crate::manager::network::Networks;
use crate::manager::{Already, Error, Event};
use crate::model::{Duid, MacAddress, Uuid};

impl Networks<'_> {
    /// Keeps no address any more, of either family, for the VM on the network, or for the one of its interfaces.
    /// Instead of a VM a reservation's address, hardware address, DUID or name is taken too, for one whose VM is gone.
    ///
    /// # Errors
    /// When there is no such network; [`NetworkError::NoReservation`] when there is neither such a VM nor a reservation
    /// called so.
    pub async fn unreserve(
        &self,
        network: &str,
        vm: &str,
        mac: Option<MacAddress>,
    ) -> Result<Vec<ReservationStatus>, Error> {
        let found = self.op.client().networks().find(network).await?;
        let _claim = self.op.claim_exclusive(Subject::Network(found.uuid), &found.name).await?;
        let network = self.op.client().networks().of_uuid(found.uuid).await?;
        let mac = mac.map(|mac| mac.to_string());
        let all = self.all_reservations(&network).await?;
        let (name, freed): (_, Vec<&Reservation>) = match self.op.client().domains().resolve(vm).await {
            Ok(id) => {
                let definitions = VmDefinitions::load(self.op).await?;
                let domains = definitions.all().filter(|domain| domain.uuid == id.uuid);
                let only: Option<Vec<&str>> = mac.as_deref().map(|mac| vec![mac]);
                let interfaces = VmInterfaces::read(domains, &network);
                let leases = self.leases_of(&network).await?;
                let names = self.vm_names().await?;
                let identity = Identity::new(&id.name, &interfaces, only.as_deref(), &names, &leases);
                (Some(id.name), all.iter().filter(|kept| identity.has(kept)).collect())
            }
            Err(error) if error.is_not_found() => {
                let is_meant = |kept: &&Reservation| {
                    is_called(kept, vm) && mac.as_ref().is_none_or(|mac| kept.is_of_mac(mac))
                };
                let freed: Vec<&Reservation> = all.iter().filter(is_meant).collect();
                if freed.is_empty() {
                    let known = all.iter().map(|kept| (kept.ip, kept.name.clone())).collect();
                    let (network, wanted) = (network.name, vm.to_owned());
                    return Err(NetworkError::NoReservation { network, wanted, known }.into());
                }
                (None, freed)
            }
            Err(error) => return Err(error.into()),
        };
        let mut removed = Vec::new();
        for kept in freed {
            self.op.check()?;
            self.op.client().networks().update_reservation(&network, HostUpdate::Remove(kept)).await?;
            removed.push(status(&network, kept, name.clone()));
        }
        if removed.is_empty() {
            self.op.report(Event::AlreadySo { name: vm, what: Already::NoReservation });
        }
        Ok(removed)
    }

    /// Removes the reservations of a VM that is about to be deleted, while its definition is still there to tell which
    /// they are.
    ///
    /// # Errors
    /// When libvirt can't be asked, or refuses.
    pub(in crate::manager) async fn release_reservations(&self, uuid: Uuid) -> Result<(), libvirt::Error> {
        let domain = match self.op.client().definitions().stored(uuid).await {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        self.release(&domain.name, std::iter::once(&domain), None).await
    }

    /// Keeps no address any more for the VM's interfaces, or for those of the hardware addresses, which go.
    pub(super) async fn release<'a>(
        &self,
        vm: &str,
        definitions: impl Iterator<Item = &'a Domain>,
        only: Option<&[&str]>,
    ) -> Result<(), libvirt::Error> {
        let definitions: Vec<&Domain> = definitions.collect();
        let mut names = None;
        for network in self.op.client().networks().list().await? {
            let interfaces = VmInterfaces::read(definitions.iter().copied(), &network);
            if interfaces.are_none() || network.ips.iter().all(|ip| !ip.dhcp) {
                continue;
            }
            let all = self.all_reservations(&network).await?;
            // Most are kept by a hardware address, which needs no more to be known.
            let is_by_mac = all.iter().all(|kept| kept.mac.is_some());
            let leases = if is_by_mac { Vec::new() } else { self.leases_of(&network).await? };
            if names.is_none() && !is_by_mac {
                names = Some(self.vm_names().await?);
            }
            let names = names.as_deref().unwrap_or_default();
            let identity = Identity::new(vm, &interfaces, only, names, &leases);
            for kept in all.iter().filter(|kept| identity.has(kept)) {
                let removal = HostUpdate::Remove(kept);
                match self.op.client().networks().update_reservation(&network, removal).await {
                    // Somebody else has removed it, or all the network.
                    Err(error) if error.is_not_found() => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    pub(super) async fn leases_of(&self, network: &Network) -> Result<Vec<Lease>, libvirt::Error> {
        Ok(self.op.client().networks().leases(&[network.uuid]).await?.pop().unwrap_or_default())
    }
}

/// Whether the text is the reservation's address, hardware address, DUID or name.
fn is_called(kept: &Reservation, text: &str) -> bool {
    let is_duid = || text.parse::<Duid>().is_ok_and(|duid| kept.duid() == Some(duid));
    text.parse::<IpAddr>().is_ok_and(|ip| kept.ip == ip)
        || kept.is_of_mac(text)
        || kept.is_of_name(text)
        || is_duid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_has_several_names() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("valid");
        let six = Reservation::of_id(Some("0:3:0:1:52:54:0:0:0:1".into()), ip("fd00::7"), Some("web".into()));
        for text in ["fd00::7", "fd00:0:0::7", "00:03:00:01:52:54:00:00:00:01", "WEB"] {
            assert!(is_called(&six, text), "{text}");
        }
        let four = Reservation::of_mac("52:54:00:aa:00:01", ip("10.9.0.7"), None);
        assert!(is_called(&four, "52:54:00:AA:00:01") && is_called(&four, "10.9.0.7"));
        assert!(!is_called(&four, "10.9.0.8") && !is_called(&six, "web2") && !is_called(&four, ""));
    }
}
