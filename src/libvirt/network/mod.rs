//! Virtual networks: their definitions read and written, their leases, and what is done to them.

mod calls;
mod lease;
mod spec;

use std::net::{IpAddr, Ipv4Addr};

pub use calls::HostUpdate;
pub use lease::Lease;
pub use spec::{NetworkDevice, NetworkSpec};

use crate::libvirt::xml::{Element, XmlError};
use crate::model::{AddressRange, Subnet};

/// A libvirt network.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Network {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// Whether it is up.
    pub active: bool,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// Whether it stays when it is stopped.
    pub persistent: bool,
    /// `nat`, `isolated`, `routed`, `bridge`, `open`, or another word of libvirt's.
    pub mode: String,
    /// libvirt's own word for the mode: `nat`, `route`, `bridge`, ... ; `None` for an isolated network.
    pub forward: Option<String>,
    /// The bridge on the host.
    pub bridge: Option<String>,
    /// The host's addresses on it with prefix lengths, such as `192.168.122.1/24`.
    pub addresses: Vec<String>,
    /// The IPv4 subnets that these lie in.
    pub subnets: Vec<Subnet>,
    /// Whether libvirt's dnsmasq gives addresses there.
    pub dhcp: bool,
    /// The IPv4 addresses that it gives to whoever asks.
    pub dhcp_ranges: Vec<AddressRange>,
    /// Whether libvirt's dnsmasq answers for names there.
    pub dns: bool,
    /// The domain of the names there.
    pub domain: Option<String>,
    /// The IPv4 addresses that are kept for one card each.
    #[serde(skip)]
    pub reservations: Vec<Reservation>,
    /// Which of its `<ip>` elements has the DHCP of IPv4.
    #[serde(skip)]
    pub(super) dhcp_index: Option<usize>,
}

/// An address that dnsmasq keeps for one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The card's hardware address, in lower case.
    pub mac: String,
    /// The address.
    pub ip: Ipv4Addr,
    /// The name that is told with it.
    pub name: Option<String>,
}

/// What `net-list` tells of a network, and its definition doesn't.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) active: bool,
    pub(super) autostart: bool,
    pub(super) persistent: bool,
}

impl Network {
    /// Reads `net-dumpxml`'s output.
    pub(super) fn parse(document: &str, standing: Standing) -> Result<Self, XmlError> {
        let tree = Element::parse(document)?;
        let forward =
            tree.find("forward").map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned());
        let ips: Vec<&Element> = tree.all("ip").collect();
        let dhcp_index = ips.iter().position(|ip| subnet(ip).is_some() && ip.find("dhcp").is_some());
        let dhcp = dhcp_index.and_then(|index| ips.get(index)?.find("dhcp"));
        let dhcp = |name: &'static str| dhcp.into_iter().flat_map(move |dhcp| dhcp.all(name));
        Ok(Self {
            name: tree.find_text("name").unwrap_or_default(),
            uuid: tree.find_text("uuid").unwrap_or_default(),
            active: standing.active,
            autostart: standing.autostart,
            persistent: standing.persistent,
            mode: match forward.as_deref() {
                None => "isolated",
                Some("route") => "routed",
                Some(other) => other,
            }
            .to_owned(),
            forward,
            bridge: tree.find_attribute("bridge", "name").map(str::to_owned),
            addresses: ips.iter().filter_map(|ip| address(ip)).collect(),
            subnets: ips.iter().filter_map(|ip| subnet(ip)).collect(),
            dhcp: ips.iter().any(|ip| ip.find("dhcp").is_some()),
            dhcp_ranges: dhcp("range").filter_map(range).collect(),
            dns: !ips.is_empty() && tree.find_attribute("dns", "enable") != Some("no"),
            domain: tree.find_attribute("domain", "name").map(str::to_owned),
            reservations: dhcp("host").filter_map(Reservation::read).collect(),
            dhcp_index,
        })
    }

    /// The IPv4 subnet that dnsmasq gives addresses of.
    pub fn dhcp_subnet(&self) -> Option<Subnet> {
        let with_range = self.dhcp_ranges.first().map(|range| range.start);
        let known = self.reservations.first().map(|reservation| reservation.ip);
        let inside = with_range.or(known);
        self.dhcp_index?;
        self.subnets
            .iter()
            .find(|subnet| inside.is_none_or(|address| subnet.contains(address)))
            .or(self.subnets.first())
            .copied()
    }

    /// Whether the address is the host's own there.
    pub fn is_own(&self, address: Ipv4Addr) -> bool {
        let own = |text: &String| text.split('/').next().and_then(|text| text.parse().ok());
        self.addresses.iter().filter_map(own).any(|known: IpAddr| known == IpAddr::V4(address))
    }
}

impl Reservation {
    fn read(host: &Element) -> Option<Self> {
        Some(Self {
            mac: host.attribute("mac")?.to_ascii_lowercase(),
            ip: host.attribute("ip")?.parse().ok()?,
            name: host.attribute("name").map(str::to_owned),
        })
    }

    pub(super) fn to_element(&self) -> Element {
        let mut host = Element::new("host").with("mac", &self.mac);
        if let Some(name) = &self.name {
            host.set_attribute("name", name);
        }
        host.with("ip", self.ip.to_string())
    }
}

fn prefix(ip: &Element) -> Option<u32> {
    match (ip.attribute("prefix"), ip.attribute("netmask")) {
        (Some(prefix), _) => prefix.parse().ok(),
        (None, Some(mask)) => mask.parse::<Ipv4Addr>().ok().map(|mask| u32::from(mask).leading_ones()),
        (None, None) => None,
    }
}

fn address(ip: &Element) -> Option<String> {
    let address = ip.attribute("address")?;
    Some(prefix(ip).map_or_else(|| address.to_owned(), |prefix| format!("{address}/{prefix}")))
}

fn subnet(ip: &Element) -> Option<Subnet> {
    let address: Ipv4Addr = ip.attribute("address")?.parse().ok()?;
    Some(Subnet::of(address, u8::try_from(prefix(ip)?).ok()?))
}

fn range(range: &Element) -> Option<AddressRange> {
    let end = |name: &str| range.attribute(name)?.parse().ok();
    Some(AddressRange { start: end("start")?, end: end("end")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    // libvirt 11.3.0: `net-dumpxml default`
    const DEFAULT: &str = "<network>
  <name>default</name>
  <uuid>6b55b5a2-0d5c-4dc5-9d19-0be0e4a2c5a1</uuid>
  <forward mode='nat'>
    <nat>
      <port start='1024' end='65535'/>
    </nat>
  </forward>
  <bridge name='virbr0' stp='on' delay='0'/>
  <mac address='52:54:00:7e:0c:33'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>";

    const UP: Standing = Standing { active: true, autostart: false, persistent: true };

    #[test]
    fn recorded_output() {
        let network = Network::parse(DEFAULT, UP).expect("parses");
        assert_eq!((network.bridge.as_deref(), network.forward.as_deref()), (Some("virbr0"), Some("nat")));
        assert_eq!(network.addresses, ["192.168.122.1/24"]);
        assert!(network.dhcp && network.dns && network.active && !network.autostart);
        assert_eq!((network.mode.as_str(), network.domain.as_deref()), ("nat", None));
        assert_eq!(network.dhcp_ranges[0].to_string(), "192.168.122.2-192.168.122.254");
        assert_eq!(
            network.dhcp_subnet().map(|subnet| subnet.to_string()).as_deref(),
            Some("192.168.122.0/24")
        );
        assert!(
            network.is_own(Ipv4Addr::new(192, 168, 122, 1))
                && !network.is_own(Ipv4Addr::new(192, 168, 122, 2))
        );
    }

    #[test]
    fn the_dhcp_of_ipv4_is_told_from_that_of_ipv6() {
        let document = "<network><name>lab</name><forward mode='route'/><dns enable='no'/><domain name='lab.test'/>
          <ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::2' end='fd00::9'/></dhcp></ip>
          <ip address='10.9.0.1' prefix='24'><dhcp>
            <host mac='52:54:00:AA:00:01' name='web' ip='10.9.0.7'/><host name='other' ip='10.9.0.8'/>
          </dhcp></ip></network>";
        let network = Network::parse(document, UP).expect("parses");
        assert_eq!(
            (network.mode.as_str(), network.dns, network.domain.as_deref()),
            ("routed", false, Some("lab.test"))
        );
        assert_eq!(network.addresses, ["fd00::1/64", "10.9.0.1/24"]);
        assert_eq!((network.dhcp_index, network.subnets.len(), network.reservations.len()), (Some(1), 1, 1));
        assert_eq!(network.reservations[0].mac, "52:54:00:aa:00:01");
        assert!(network.dhcp && network.dhcp_ranges.is_empty() && network.dhcp_subnet().is_some());
    }

    #[test]
    fn an_isolated_network_without_addresses_is_read() {
        let network =
            Network::parse("<network><name>x</name><bridge name='virbr7'/></network>", UP).expect("parses");
        assert_eq!(
            (network.mode.as_str(), network.forward.as_ref(), network.dhcp, network.dns),
            ("isolated", None, false, false)
        );
        assert_eq!(network.dhcp_subnet(), None);
    }
}
