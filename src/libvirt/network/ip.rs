use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reservation;
use crate::libvirt::xml::Element;
use crate::model::{IpRange, IpSubnet};

/// An address of the host on a network (`<ip>`), and what dnsmasq gives in its subnet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NetworkIp {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it are the subnet's.
    pub prefix: u8,
    /// Whether dnsmasq gives addresses of the subnet. Where it doesn't and the prefix of an IPv6 one is 64, guests make
    /// theirs themselves.
    pub dhcp: bool,
    /// The addresses that it gives to whoever asks.
    pub ranges: Vec<IpRange>,
    /// The addresses that it keeps for one host each.
    #[serde(skip)]
    pub reservations: Vec<Reservation>,
    /// Its place among the network's `<ip>` elements of all families, which `net-update` goes by.
    #[serde(skip)]
    pub(super) index: usize,
}

impl NetworkIp {
    /// Reads an `<ip>` element, which has this place among its network's.
    pub(super) fn read(index: usize, ip: &Element) -> Option<Self> {
        let address: IpAddr = ip.attribute("address")?.parse().ok()?;
        let dhcp = ip.find("dhcp");
        let of_dhcp = |name: &'static str| dhcp.into_iter().flat_map(move |dhcp| dhcp.all(name));
        Some(Self {
            address,
            prefix: prefix(ip, address)?,
            dhcp: dhcp.is_some(),
            ranges: of_dhcp("range").filter_map(range).collect(),
            reservations: of_dhcp("host").filter_map(Reservation::read).collect(),
            index,
        })
    }

    /// The subnet that it lies in.
    pub fn subnet(&self) -> IpSubnet {
        IpSubnet::of(self.address, self.prefix)
    }

    /// Whether it is one of IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.address.is_ipv6()
    }
}

fn range(range: &Element) -> Option<IpRange> {
    let end = |name: &str| range.attribute(name)?.parse().ok();
    Some(IpRange { start: end("start")?, end: end("end")? })
}

/// The length of the prefix, as libvirt finds it (`virSocketAddrGetIPPrefix`): without one and without a netmask, that of
/// the address' class, for IPv6 64. `None` where libvirt finds none either.
fn prefix(ip: &Element, address: IpAddr) -> Option<u8> {
    let given = ip.attribute("prefix").and_then(|text| text.parse().ok()).filter(|prefix| *prefix > 0);
    let masked = || {
        let mask: Ipv4Addr = ip.attribute("netmask")?.parse().ok()?;
        u8::try_from(u32::from(mask).leading_ones()).ok()
    };
    given.or_else(masked).or_else(|| match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some(0),
        IpAddr::V4(address) => match address.octets()[0] {
            0..=127 => Some(8),
            128..=191 => Some(16),
            192..=223 => Some(24),
            _ => None,
        },
        IpAddr::V6(_) => Some(64),
    })
}
