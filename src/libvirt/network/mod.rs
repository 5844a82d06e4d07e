//! Virtual networks: their definitions read and written, their leases, and what is done to them.

mod calls;
mod ip;
mod lease;
mod lease_delay;
mod port_group;
mod reservation;
mod spec;
mod update;

use std::net::IpAddr;

pub use ip::NetworkIp;
pub use lease::Lease;
pub use lease_delay::LeaseDelay;
pub use port_group::PortGroup;
pub use reservation::Reservation;
pub use spec::{NetworkDevice, NetworkSpec};
pub use update::HostUpdate;

use crate::libvirt::xml::{Element, XmlError};
use crate::model::{IpRange, IpSubnet, Uuid};

/// The mode of a network that is a device of the host, not a bridge.
const MACVTAP: &str = "macvtap";

/// A libvirt network.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Network {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: Uuid,
    /// Whether it is up.
    pub active: bool,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// Whether it stays when it is stopped.
    pub persistent: bool,
    /// `nat`, `isolated`, `routed`, `bridge`, `open`, `macvtap` (guests share a device of the host, without a bridge), or
    /// another word of libvirt's, such as `hostdev`.
    pub mode: String,
    /// libvirt's own word for the mode: `nat`, `route`, `bridge`, ... ; `None` for an isolated network.
    pub forward: Option<String>,
    /// The bridge on the host.
    pub bridge: Option<String>,
    /// The devices of the host that it is joined to the world by, where they are named.
    pub devices: Vec<String>,
    /// What the bridge is managed by, if not the kernel alone: `openvswitch`, ...
    pub virtual_port: Option<String>,
    /// The host's addresses on it with prefix lengths, such as `192.168.122.1/24`.
    pub addresses: Vec<String>,
    /// The subnets that these lie in, those of IPv4 first.
    pub subnets: Vec<IpSubnet>,
    /// Those of them that are of IPv6.
    pub subnets6: Vec<IpSubnet>,
    /// Whether libvirt's dnsmasq gives addresses there.
    pub dhcp: bool,
    /// The addresses that it gives to whoever asks, those of IPv4 first.
    pub dhcp_ranges: Vec<IpRange>,
    /// Whether libvirt's dnsmasq answers for names there.
    pub dns: bool,
    /// The domain of the names there.
    pub domain: Option<String>,
    /// The settings that an interface can choose among.
    pub portgroups: Vec<PortGroup>,
    /// The host's addresses, each with its DHCP.
    pub ips: Vec<NetworkIp>,
    /// Whether a guest's first lease is delayed by seconds, see [`LeaseDelay`].
    #[serde(skip)]
    pub lease_delay: LeaseDelay,
}

/// What `net-list` tells of a network, and its definition doesn't.
#[derive(Debug, Clone, Copy)]
struct Standing {
    active: bool,
    autostart: bool,
    persistent: bool,
}

impl Network {
    /// Reads `net-dumpxml`'s output.
    fn parse(document: &str, standing: Standing) -> Result<Self, XmlError> {
        let tree = Element::parse(document)?;
        let forward = tree.find("forward");
        let bridge = tree.find_attribute("bridge", "name").map(str::to_owned);
        let ips: Vec<NetworkIp> =
            tree.all("ip").enumerate().filter_map(|(index, ip)| NetworkIp::read(index, ip)).collect();
        // Most readers take the first, and can do nothing with IPv6.
        let dhcp = ips.iter().any(|ip| ip.dhcp);
        let by_family =
            || [false, true].into_iter().flat_map(|six| ips.iter().filter(move |ip| ip.is_ipv6() == six));
        let (subnets, dhcp_ranges) = (
            by_family().map(NetworkIp::subnet).collect(),
            by_family().flat_map(|ip| ip.ranges.iter().copied()).collect(),
        );
        Ok(Self {
            name: tree.find("name").map(Element::raw_content).unwrap_or_default(),
            uuid: tree.find_text("uuid").and_then(|uuid| Uuid::try_parse(&uuid).ok()).unwrap_or_default(),
            active: standing.active,
            autostart: standing.autostart,
            persistent: standing.persistent,
            mode: mode(forward, bridge.is_some()),
            forward: forward.map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned()),
            bridge,
            devices: forward.map(devices).unwrap_or_default(),
            virtual_port: tree.find_attribute("virtualport", "type").map(str::to_owned),
            addresses: ips.iter().map(|ip| format!("{}/{}", ip.address, ip.prefix)).collect(),
            subnets,
            subnets6: ips.iter().map(NetworkIp::subnet).filter(|subnet| subnet.is_ipv6()).collect(),
            dhcp,
            lease_delay: LeaseDelay::read(&tree, dhcp),
            dhcp_ranges,
            dns: !ips.is_empty() && tree.find_attribute("dns", "enable") != Some("no"),
            domain: tree.find_attribute("domain", "name").map(str::to_owned),
            portgroups: port_group::read_all(&tree),
            ips,
        })
    }

    /// The host's address in the subnet that dnsmasq gives addresses of: libvirt has DHCP for one of each family at most.
    pub fn dhcp_ip(&self, ipv6: bool) -> Option<&NetworkIp> {
        self.ips.iter().find(|ip| ip.dhcp && ip.is_ipv6() == ipv6)
    }

    /// The host's address in the subnet of which the given one is.
    pub fn ip_of(&self, address: impl Into<IpAddr>) -> Option<&NetworkIp> {
        let address = address.into();
        self.ips.iter().find(|ip| ip.subnet().contains(address))
    }

    /// Whether the address is the host's own there.
    pub fn is_own(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.ips.iter().any(|ip| ip.address == address)
    }

    /// The addresses that are kept for one host each.
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.ips.iter().flat_map(|ip| &ip.reservations)
    }

    /// The port group that an interface gets if it names none.
    pub fn default_portgroup(&self) -> Option<&PortGroup> {
        self.portgroups.iter().find(|group| group.is_default)
    }
}

fn mode(forward: Option<&Element>, has_bridge: bool) -> String {
    let Some(forward) = forward else { return "isolated".to_owned() };
    match forward.attribute("mode").unwrap_or("nat") {
        "route" => "routed".to_owned(),
        // Guests' interfaces are made of a device of the host by macvtap, in these modes of that.
        "private" | "vepa" | "passthrough" => MACVTAP.to_owned(),
        "bridge" if !has_bridge => MACVTAP.to_owned(),
        other => other.to_owned(),
    }
}

fn devices(forward: &Element) -> Vec<String> {
    let named = forward.attribute("dev").into_iter();
    let interfaces = forward.all("interface").chain(forward.all("pf")).filter_map(|one| one.attribute("dev"));
    let mut devices: Vec<String> = Vec::new();
    for device in named.chain(interfaces) {
        if devices.iter().all(|known| known != device) {
            devices.push(device.to_owned());
        }
    }
    devices
}

#[cfg(test)]
mod tests;
