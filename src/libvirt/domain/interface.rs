//! The network interfaces of a domain, as its definition describes them.

use std::fmt;

use crate::libvirt::xml::Element;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its hardware address, in lower case.
    pub mac: String,
    /// How it reaches a network.
    pub kind: InterfaceKind,
    /// The network, bridge or device of the host that it is connected to.
    pub source: Option<String>,
    /// The port group of the network that it is in.
    pub portgroup: Option<String>,
    /// The model that the guest sees, such as `virtio`.
    pub model: Option<String>,
    /// Whether passt stands behind a user-mode interface.
    pub passt: bool,
    /// The ports of the host that passt forwards, as `(host port, guest port, protocol)`, each port of a
    /// range by itself.
    pub forwards: Vec<(u16, u16, String)>,
    /// Its position in the boot order, where the definition orders single devices.
    pub boot_order: Option<u32>,
    /// libvirt's alias of the device while the domain runs, such as `net0`.
    pub alias: Option<String>,
    /// The host's device behind it while the domain runs, such as `vnet0`.
    pub host_device: Option<String>,
}

/// How a network interface reaches a network (`<interface type>`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InterfaceKind {
    /// By a libvirt network.
    Network,
    /// By a bridge of the host.
    Bridge,
    /// In user mode, by passt or by QEMU itself.
    User,
    /// By macvtap on a device of the host.
    Direct,
    /// By a tap device that libvirt makes or is given, connected to nothing.
    Ethernet,
    /// By a device that is passed through to the guest.
    Hostdev,
    /// By a vhost-user socket.
    VhostUser,
    /// By a vDPA device.
    Vdpa,
    /// By a socket that another QEMU has the other end of.
    Socket(SocketRole),
    /// One that vmtools has no word for, by libvirt's name for it.
    Other(String),
}

/// Which end of a socket between two QEMUs an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketRole {
    /// All that take part in a multicast group.
    Multicast,
    /// The one that listens.
    Server,
    /// The one that connects.
    Client,
    /// Either end of a pair of UDP ports.
    Udp,
}

impl InterfaceKind {
    /// Reads libvirt's name for it.
    pub(super) fn parse(name: &str) -> Self {
        match name {
            "network" => Self::Network,
            "bridge" => Self::Bridge,
            "user" => Self::User,
            "direct" => Self::Direct,
            "ethernet" => Self::Ethernet,
            "hostdev" => Self::Hostdev,
            "vhostuser" => Self::VhostUser,
            "vdpa" => Self::Vdpa,
            "mcast" => Self::Socket(SocketRole::Multicast),
            "server" => Self::Socket(SocketRole::Server),
            "client" => Self::Socket(SocketRole::Client),
            "udp" => Self::Socket(SocketRole::Udp),
            other => Self::Other(other.to_owned()),
        }
    }

    /// libvirt's name for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Network => "network",
            Self::Bridge => "bridge",
            Self::User => "user",
            Self::Direct => "direct",
            Self::Ethernet => "ethernet",
            Self::Hostdev => "hostdev",
            Self::VhostUser => "vhostuser",
            Self::Vdpa => "vdpa",
            Self::Socket(SocketRole::Multicast) => "mcast",
            Self::Socket(SocketRole::Server) => "server",
            Self::Socket(SocketRole::Client) => "client",
            Self::Socket(SocketRole::Udp) => "udp",
            Self::Other(name) => name,
        }
    }
}

impl PartialEq<&str> for InterfaceKind {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for InterfaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads an `<interface>`; `None` for one without a hardware address, which libvirt always prints.
pub(super) fn read(element: &Element) -> Option<Interface> {
    let source = |name: &str| element.find_attribute("source", name).map(str::to_owned);
    Some(Interface {
        mac: element.find_attribute("mac", "address")?.to_ascii_lowercase(),
        kind: InterfaceKind::parse(element.attribute("type").unwrap_or("unknown")),
        source: ["network", "bridge", "dev"].into_iter().find_map(source),
        portgroup: source("portgroup"),
        model: element.find_attribute("model", "type").map(str::to_owned),
        passt: element.find_attribute("backend", "type") == Some("passt"),
        forwards: element.all("portForward").flat_map(forwards).collect(),
        boot_order: element.find_attribute("boot", "order").and_then(|order| order.parse().ok()),
        alias: element.find_attribute("alias", "name").map(str::to_owned),
        host_device: element.find_attribute("target", "dev").map(str::to_owned),
    })
}

fn forwards(forward: &Element) -> Vec<(u16, u16, String)> {
    let protocol = forward.attribute("proto").unwrap_or("tcp");
    let ranges = forward.all("range").filter(|range| range.attribute("exclude") != Some("yes"));
    ranges
        .filter_map(PortRange::read)
        .flat_map(|range| range.pairs())
        .map(|(host, guest)| (host, guest, protocol.to_owned()))
        .collect()
}

/// A `<range>` of forwarded ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortRange {
    start: u16,
    end: u16,
    to: u16,
}

impl PortRange {
    pub(super) fn read(range: &Element) -> Option<Self> {
        let number = |name: &str| range.attribute(name).and_then(|text| text.parse::<u16>().ok());
        let start = number("start")?;
        Some(Self { start, end: number("end").unwrap_or(start), to: number("to").unwrap_or(start) })
    }

    /// The ports of the host, each with the guest's port that it leads to.
    pub(super) fn pairs(self) -> impl Iterator<Item = (u16, u16)> {
        (self.start..=self.end).filter_map(move |host| Some((host, self.to.checked_add(host - self.start)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(document: &str) -> Interface {
        read(&Element::parse(document).expect("parses")).expect("has an address")
    }

    #[test]
    fn every_kind_keeps_its_name() {
        for name in [
            "network",
            "bridge",
            "user",
            "direct",
            "ethernet",
            "hostdev",
            "vhostuser",
            "vdpa",
            "mcast",
            "server",
            "client",
            "udp",
            "internal",
            "null",
        ] {
            assert_eq!(InterfaceKind::parse(name).as_str(), name);
        }
        assert!(InterfaceKind::User == "user" && InterfaceKind::Other("vds".into()) != "user");
    }

    #[test]
    fn ranges_of_ports_are_all_their_ports() {
        let interface = parsed(
            "<interface type='user'><mac address='52:54:00:00:00:0A'/><backend type='passt'/>
             <portForward proto='tcp'><range start='2222' to='22'/></portForward>
             <portForward proto='udp'><range start='9000' end='9002'/><range start='9001' exclude='yes'/></portForward></interface>",
        );
        let expected = [(2222, 22, "tcp"), (9000, 9000, "udp"), (9001, 9001, "udp"), (9002, 9002, "udp")];
        assert_eq!(
            interface.forwards,
            expected.map(|(host, guest, protocol)| (host, guest, protocol.to_owned()))
        );
        assert!(interface.passt && interface.mac == "52:54:00:00:00:0a");
        let odd = parsed(
            "<interface type='user'><mac address='m'/><portForward proto='tcp'><range start='65535' end='2'/><range start='x'/></portForward></interface>",
        );
        assert!(odd.forwards.is_empty());
    }

    #[test]
    fn a_port_group_and_a_place_in_the_boot_order_are_read() {
        let interface = parsed(
            "<interface type='network'><mac address='m'/><source network='n' portgroup='p'/><boot order='2'/></interface>",
        );
        assert_eq!(
            (interface.source.as_deref(), interface.portgroup.as_deref(), interface.boot_order),
            (Some("n"), Some("p"), Some(2))
        );
    }
}
