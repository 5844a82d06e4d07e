use std::net::IpAddr;
use std::time::Duration;

use super::sample::{check, parsed, section, text, texts, web};
use crate::libvirt::{self, RefusalReason};
use crate::manager::{AddressHolder, NetworkError, SpecialAddress, SubnetUser};
use crate::model::{IpSubnet, Subnet, Subnet6};

fn lab() -> String {
    text("lab")
}

fn subnet() -> IpSubnet {
    parsed::<Subnet>("10.20.30.0/24").into()
}

fn subnet6() -> IpSubnet {
    parsed::<Subnet6>("fd00:20::/64").into()
}

#[test]
fn networks() {
    let ip = || parsed::<IpAddr>("10.20.30.5");
    let cause = || libvirt::Error::Refused {
        command: text("virsh net-start lab"),
        message: text("internal error: Child process (/usr/sbin/dnsmasq) unexpected exit status 2"),
        reason: RefusalReason::Dnsmasq,
    };
    let known = || vec![(ip(), Some(web())), (parsed("10.20.30.6"), None)];
    let mut errors = every!(NetworkError {
        Session {},
        NotInSession { name: lab() },
        SubnetTaken { subnet: subnet6(), with: subnet6(), by: SubnetUser::Host },
        NoFreeSubnet {},
        NoBridge { name: text("br7") },
        NotABridge { name: text("eth0") },
        NoPortGroup { network: lab(), portgroup: text("x"), known: texts(&["office", "guests"]) }
            | { network: lab(), portgroup: text("x"), known: vec![] },
        Transient { network: lab() },
        NotStarted { network: lab(), cause: cause() },
        InUse { network: lab(), vms: texts(&["web", "db"]), running: true }
            | { network: lab(), vms: texts(&["web", "db"]), running: false },
        NoDhcp { network: lab(), ipv6: false } | { network: lab(), ipv6: true },
        UnknownToDhcp { network: lab(), vm: web() },
        OutsideSubnet { ip: parsed("10.9.9.9"), subnet: subnet(), network: lab() }
            | { ip: parsed("fd00:99::1"), subnet: subnet6(), network: lab() },
        NotForGuests { ip: ip(), network: lab(), what: SpecialAddress::Host },
        AddressTaken { ip: ip(), network: lab(), by: AddressHolder::Reservation },
        DuidTaken { duid: parsed("00:01:00:01:2a:2b"), network: lab(), by: AddressHolder::Vm(web()) },
        NoReservation { network: lab(), wanted: text("10.20.30.9"), known: known() }
            | { network: lab(), wanted: text("wbe"), known: vec![] },
        NotPlugged { network: lab(), vm: web() },
        SeveralInterfaces { network: lab(), vm: web(), macs: texts(&["52:54:00:00:00:01", "52:54:00:00:00:02"]) },
        NoSuchInterface { network: lab(), vm: web(), mac: parsed("52:54:00:00:00:09") },
        MacTaken { mac: parsed("52:54:00:00:00:01"), vm: text("db") },
        StillPlugged { vm: web(), mac: text("52:54:00:00:00:01"), timeout: Duration::from_secs(30) },
    });
    let users = every!(SubnetUser { Network (text("default")), Host {} });
    let taken = |by| NetworkError::SubnetTaken {
        subnet: subnet(),
        with: parsed::<Subnet>("10.20.0.0/16").into(),
        by,
    };
    errors.extend(users.into_iter().map(|(_, by)| ("SubnetTaken", taken(by))));
    let specials = every!(SpecialAddress { Host {}, Subnet {}, Broadcast {} });
    let special = |what| NetworkError::NotForGuests { ip: ip(), network: lab(), what };
    errors.extend(specials.into_iter().skip(1).map(|(_, what)| ("NotForGuests", special(what))));
    let holders = every!(AddressHolder {
        Vm (web()),
        Interface (text("52:54:00:00:00:01")),
        Host (text("printer")),
        Reservation {},
    });
    let held = |by| NetworkError::AddressTaken { ip: ip(), network: lab(), by };
    errors.extend(holders.into_iter().map(|(_, by)| ("AddressTaken", held(by))));
    check("network", &[section("NetworkError", errors)]);
}
