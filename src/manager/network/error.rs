use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::libvirt;
use crate::model::{Duid, IpSubnet, MacAddress};

/// Why something that was to be done to a network, or to a VM's interface on it, was not done.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A session's libvirt may not change the host's network.
    #[error("libvirt has no networks in a session: an unprivileged user cannot create bridges")]
    Session,
    /// A session's libvirt has no such network, and can't get one.
    #[error("a session's libvirt has no network {name:?}")]
    NotInSession {
        /// What was asked for.
        name: String,
    },
    /// The subnet is another's, at least in part.
    #[error("the subnet {subnet} overlaps {with}, which is used by {by}")]
    SubnetTaken {
        /// What was asked for.
        subnet: IpSubnet,
        /// What stands in the way.
        with: IpSubnet,
        /// Whose it is.
        by: SubnetUser,
    },
    /// All subnets that are tried are used.
    #[error("there is no free subnet")]
    NoFreeSubnet,
    /// The host has no such bridge.
    #[error("this host has no bridge {name:?}")]
    NoBridge {
        /// What was asked for.
        name: String,
    },
    /// The host's device is of another kind.
    #[error("{name} is a network device of this host, but not a bridge")]
    NotABridge {
        /// What was asked for.
        name: String,
    },
    /// The network has no such port group.
    #[error("the network {network} has no port group {portgroup:?}")]
    NoPortGroup {
        /// The network.
        network: String,
        /// What was asked for.
        portgroup: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The network has no stored definition that could be changed: it exists only as long as it is active.
    #[error("the network {network} is transient: it has no definition to change")]
    Transient {
        /// The network.
        network: String,
    },
    /// libvirt, or dnsmasq below it, refused.
    #[error("the network {network} could not be started")]
    NotStarted {
        /// The network.
        network: String,
        /// Why.
        #[source]
        cause: libvirt::Error,
    },
    /// VMs are plugged in.
    #[error("the network {network} is used by {}", .vms.join(", "))]
    InUse {
        /// The network.
        network: String,
        /// The VMs.
        vms: Vec<String>,
        /// Whether these are the running ones alone.
        running: bool,
    },
    /// libvirt gives no addresses of the family there.
    #[error("libvirt assigns no {} addresses on the network {network}", family(*.ipv6))]
    NoDhcp {
        /// The network.
        network: String,
        /// Whether the family is IPv6, else IPv4.
        ipv6: bool,
    },
    /// Neither an id nor a name is known by which DHCPv6 would know the VM's guest.
    #[error("the DHCPv6 identifier of the guest of {vm} on the network {network} is unknown")]
    UnknownToDhcp {
        /// The network.
        network: String,
        /// The VM.
        vm: String,
    },
    /// The address is not in the subnet that the network gives addresses of.
    #[error("{ip} is not in {subnet}, the {} subnet in which the network {network} assigns addresses", family(.subnet.is_ipv6()))]
    OutsideSubnet {
        /// The address.
        ip: IpAddr,
        /// Where it would have to lie.
        subnet: IpSubnet,
        /// The network.
        network: String,
    },
    /// The address is not for guests.
    #[error("{ip} is not an address for guests of the network {network}: it is {what}")]
    NotForGuests {
        /// The address.
        ip: IpAddr,
        /// The network.
        network: String,
        /// Whose it is instead.
        what: SpecialAddress,
    },
    /// The address is reserved for, or used by, somebody else.
    #[error("{ip} on the network {network} is taken by {by}")]
    AddressTaken {
        /// The address.
        ip: IpAddr,
        /// The network.
        network: String,
        /// Who has it.
        by: AddressHolder,
    },
    /// Another guest is known by that DUID.
    #[error("the DUID {duid} has a reservation on the network {network}, for {by}")]
    DuidTaken {
        /// The DUID.
        duid: Duid,
        /// The network.
        network: String,
        /// Who has it.
        by: AddressHolder,
    },
    /// Neither a VM nor a reservation is called so.
    #[error("{}", no_reservation(.network, .wanted))]
    NoReservation {
        /// The network.
        network: String,
        /// What was asked for: an address, a hardware address, a DUID or a name.
        wanted: String,
        /// The addresses that the network keeps, with the names of their hosts.
        known: Vec<(IpAddr, Option<String>)>,
    },
    /// The VM has no interface there.
    #[error("the VM {vm} has no interface on {network}")]
    NotPlugged {
        /// What it is not plugged into.
        network: String,
        /// The VM.
        vm: String,
    },
    /// The VM has several interfaces there, and none was named.
    #[error("the VM {vm} has {} interfaces on {network}", .macs.len())]
    SeveralInterfaces {
        /// What they are plugged into.
        network: String,
        /// The VM.
        vm: String,
        /// Their hardware addresses.
        macs: Vec<String>,
    },
    /// The VM has no interface of that address there.
    #[error("the VM {vm} has no interface {mac} on {network}")]
    NoSuchInterface {
        /// What it would be plugged into.
        network: String,
        /// The VM.
        vm: String,
        /// The address.
        mac: MacAddress,
    },
    /// Another interface has the address.
    #[error("the MAC address {mac} is used by the VM {vm}")]
    MacTaken {
        /// The address.
        mac: MacAddress,
        /// The VM that has it.
        vm: String,
    },
    /// The guest has not released the interface.
    #[error("the guest of {vm} did not release the interface {mac} within {}", humantime::format_duration(*.timeout))]
    StillPlugged {
        /// The VM.
        vm: String,
        /// The interface.
        mac: String,
        /// How long was waited.
        timeout: Duration,
    },
}

fn no_reservation(network: &str, wanted: &str) -> String {
    let is_id = wanted.parse::<IpAddr>().is_ok()
        || wanted.parse::<MacAddress>().is_ok()
        || wanted.parse::<Duid>().is_ok();
    if is_id {
        format!("the network {network} has no reservation of {wanted}")
    } else {
        format!("there is no VM {wanted:?}, and the network {network} has no reservation of that name")
    }
}

fn family(is_ipv6: bool) -> &'static str {
    if is_ipv6 { "IPv6" } else { "IPv4" }
}

/// Who uses a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubnetUser {
    /// A network of libvirt's.
    Network(String),
    /// This host, by a route.
    Host,
}

impl fmt::Display for SubnetUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "the network {name}"),
            Self::Host => f.write_str("this host"),
        }
    }
}

/// Who has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressHolder {
    /// A VM.
    Vm(String),
    /// An interface of no VM that is known, by its MAC address.
    Interface(String),
    /// A host of no VM that is known, by the name or the id that its reservation has.
    Host(String),
    /// A reservation, whosever it is.
    Reservation,
}

impl fmt::Display for AddressHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(name) => write!(f, "the VM {name}"),
            Self::Interface(mac) => write!(f, "the interface {mac}"),
            Self::Host(host) => write!(f, "the host {host}"),
            Self::Reservation => f.write_str("another reservation"),
        }
    }
}

/// An address of a subnet that no guest can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialAddress {
    /// The host's own.
    Host,
    /// The first one, which stands for the subnet.
    Subnet,
    /// The last one, to which broadcasts go.
    Broadcast,
}

impl fmt::Display for SpecialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "the host's own",
            Self::Subnet => "the address of the subnet itself",
            Self::Broadcast => "the broadcast address",
        })
    }
}
