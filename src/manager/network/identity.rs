use std::net::IpAddr;

use super::Networks;
use crate::libvirt::{self, Domain, Lease, Network, Reservation, Scope};
use crate::manager::inventory::is_on;
use crate::model::{Duid, VmName};

/// By what a VM is known to the DHCP of a network: with IPv4 by its interfaces' hardware addresses, with IPv6 by its
/// DUID, which is one for all its interfaces, and for both by its host name.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    /// The hardware addresses of its interfaces, in lower case.
    macs: Vec<String>,
    /// The DUIDs that it asked for addresses with.
    duids: Vec<Duid>,
    /// Its host name, as far as that tells it from other VMs and all its interfaces are meant.
    name: Option<String>,
}

/// A VM's interfaces, as its definitions have them.
#[derive(Debug, Default)]
pub(super) struct VmInterfaces {
    /// The hardware addresses of all that may be on a network.
    all: Vec<String>,
    /// Those that are on the network in question.
    there: Vec<String>,
}

impl VmInterfaces {
    /// The interfaces that the definitions, of one VM, have.
    pub(super) fn read<'a>(definitions: impl Iterator<Item = &'a Domain>, network: &Network) -> Self {
        let mut found = Self::default();
        for interface in definitions.flat_map(|domain| &domain.interfaces) {
            if matches!(interface.kind.as_str(), "network" | "bridge") {
                found.all.push(interface.mac.clone());
            }
            if is_on(interface, network) {
                found.there.push(interface.mac.clone());
            }
        }
        found
    }

    /// Whether there are none that an address could be kept for.
    pub(super) fn are_none(&self) -> bool {
        self.all.is_empty()
    }
}

impl Identity {
    /// The VM of that name, with all its interfaces or with those of the hardware addresses; `names` are those of all
    /// VMs.
    pub(super) fn new(
        vm: &str,
        interfaces: &VmInterfaces,
        only: Option<&[&str]>,
        names: &[String],
        leases: &[Lease],
    ) -> Self {
        let is_meant = |mac: &&String| only.is_none_or(|only| only.contains(&mac.as_str()));
        let macs: Vec<String> = interfaces.all.iter().filter(is_meant).cloned().collect();
        let of_leases = leases.iter().filter(|lease| macs.contains(&lease.mac));
        let duids = of_leases.filter_map(duid_of).collect();
        let is_there = !interfaces.there.is_empty() && interfaces.there.iter().all(|mac| is_meant(&mac));
        let name = hostname(vm).filter(|name| is_there && is_unique(name, vm, names));
        Self { macs, duids, name }
    }

    /// Whether the address is kept for it.
    pub(super) fn has(&self, kept: &Reservation) -> bool {
        if let Some(mac) = &kept.mac {
            return self.macs.contains(mac);
        }
        let by_id = kept.duid().is_some_and(|duid| {
            self.duids.contains(&duid) || duid.mac().is_some_and(|mac| self.macs.contains(&mac))
        });
        // A guest that was installed anew has another DUID, but is known by its name still.
        by_id || self.name.as_deref().is_some_and(|name| kept.is_of_name(name))
    }

    /// Whether the address was given to it.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        self.macs.contains(&lease.mac)
    }

    /// The DUID that it asked for an address with.
    pub(super) fn duid(&self) -> Option<&Duid> {
        self.duids.first()
    }
}

impl Networks<'_> {
    /// The names of all VMs.
    pub(super) async fn vm_names(&self) -> Result<Vec<String>, libvirt::Error> {
        let ids = self.op.client().domains().list(Scope::All).await?;
        Ok(ids.into_iter().map(|id| id.name).collect())
    }
}

/// The host name that the VM's guest has, if vmtools or its user chose it by the VM's name. libvirt wants one that
/// begins with a letter, and one with dots would have a domain of its own.
pub(super) fn hostname(vm: &str) -> Option<String> {
    let name = vm.parse::<VmName>().map_or_else(|_| vm.to_owned(), |name| name.to_hostname());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_alphabetic());
    (fits && name.chars().all(is_plain)).then_some(name)
}

/// The DUID that was sent with the lease: IPv4's ids are others.
pub(super) fn duid_of(lease: &Lease) -> Option<Duid> {
    lease.client_id.as_deref().filter(|_| matches!(lease.ip, IpAddr::V6(_)))?.parse().ok()
}

/// Whether no other VM has the host name. Which of two the guest is nobody could tell.
fn is_unique(hostname_of_vm: &str, vm: &str, names: &[String]) -> bool {
    let mut others = names.iter().filter(|name| *name != vm).filter_map(|name| hostname(name));
    !others.any(|other| other.eq_ignore_ascii_case(hostname_of_vm))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "52:54:00:00:00:01";
    const TWO: &str = "52:54:00:00:00:02";
    const DUID: &str = "00:02:00:00:ab:11:01:02:03:04";

    fn interfaces(there: &[&str]) -> VmInterfaces {
        let list = |macs: &[&str]| macs.iter().map(|mac| (*mac).to_owned()).collect();
        VmInterfaces { all: list(&[ONE, TWO]), there: list(there) }
    }

    fn identity(vm: &str, there: &[&str], only: Option<&[&str]>) -> Identity {
        let lease = Lease {
            mac: TWO.into(),
            ip: "fd00::7".parse().expect("valid"),
            hostname: None,
            client_id: Some(DUID.into()),
            expires: None,
        };
        let names = ["web", "web_1", "web-1", "db"].map(str::to_owned);
        Identity::new(vm, &interfaces(there), only, &names, &[lease])
    }

    fn kept(id: Option<&str>, name: Option<&str>) -> Reservation {
        let ip: IpAddr = "fd00::7".parse().expect("valid");
        Reservation::of_id(id.map(str::to_owned), ip, name.map(str::to_owned))
    }

    #[test]
    fn a_name_of_a_vm_makes_a_host_name() {
        for (vm, name) in
            [("web", Some("web")), ("web_1", Some("web-1")), ("5", None), ("a.b", None), ("my vm", None)]
        {
            assert_eq!(hostname(vm).as_deref(), name, "{vm}");
        }
    }

    #[test]
    fn a_vm_is_known_by_all_that_it_has() {
        let web = identity("web", &[ONE], None);
        let v4 = |mac: &str| Reservation::of_mac(mac, "10.9.0.7".parse::<IpAddr>().expect("valid"), None);
        assert!(web.has(&v4(ONE)) && web.has(&v4(TWO)) && !web.has(&v4("52:54:00:00:00:03")));
        assert!(web.has(&kept(Some("0:2:0:0:ab:11:1:2:3:4"), None)) && web.has(&kept(None, Some("WEB"))));
        assert!(web.has(&kept(Some("00:03:00:01:52:54:00:00:00:01"), None)));
        assert!(!web.has(&kept(Some("00:03:00:01:52:54:00:00:00:03"), Some("db"))));
        // Of a hardware address that is another's its name says nothing.
        let other = Reservation::of_mac(
            "52:54:00:00:00:03",
            "10.9.0.8".parse::<IpAddr>().expect("valid"),
            Some("web".into()),
        );
        assert!(!web.has(&other));
    }

    #[test]
    fn a_name_that_tells_nothing_is_not_used() {
        let by_name = kept(None, Some("web"));
        assert!(!identity("web", &[], None).has(&by_name));
        // One of two interfaces there: the name is the other's, too.
        assert!(!identity("web", &[ONE, TWO], Some(&[ONE])).has(&by_name));
        assert!(identity("web", &[ONE], Some(&[ONE])).has(&by_name));
        for vm in ["web_1", "web-1"] {
            assert!(!identity(vm, &[ONE], None).has(&kept(None, Some("web-1"))), "{vm}");
        }
        // Not asked with by this interface.
        assert!(!identity("web", &[ONE, TWO], Some(&[ONE])).has(&kept(Some(DUID), None)));
    }
}
