use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::{Invalid, IpRange};

/// An IPv4 subnet, such as `192.168.150.0/24`: what a libvirt network's guests have addresses of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    address: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The subnet with that prefix length, up to 32, that the address lies in.
    pub fn of(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self { address: Ipv4Addr::from(u32::from(address) & mask(prefix)), prefix }
    }

    /// Its own address, the lowest in it.
    pub fn address(self) -> Ipv4Addr {
        self.address
    }

    /// How many bits of an address are the subnet's.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Its last address, which is for broadcasts.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !mask(self.prefix))
    }

    /// The first host's address, which the host of the VMs takes.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address).saturating_add(1))
    }

    /// The addresses that are left for guests. Of a subnet larger than a /16 they are its first ones: libvirt's DHCP
    /// takes a range of 65535 at most (`virSocketAddrGetRange`).
    pub fn guests(self) -> IpRange {
        let last =
            u32::from(self.broadcast()).saturating_sub(1).min(u32::from(self.address).saturating_add(0xfffe));
        IpRange::new(Ipv4Addr::from(u32::from(self.address).saturating_add(2)), Ipv4Addr::from(last))
    }

    /// Whether the address lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix) == u32::from(self.address)
    }

    /// Whether some address lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }
}

impl FromStr for Subnet {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: String| Invalid::new("subnet", text, reason);
        let form = || refuse("expected an IPv4 ADDRESS/PREFIX, such as 192.168.150.0/24".into());
        let (address, prefix) = text.split_once('/').ok_or_else(form)?;
        let address: Ipv4Addr = address.parse().map_err(|_| form())?;
        let prefix: u8 = prefix.parse().map_err(|_| form())?;
        // A /30 has room for the host and one guest.
        if !(8..=30).contains(&prefix) {
            return Err(refuse("the prefix must be 8 to 30".into()));
        }
        if address.is_loopback()
            || address.is_multicast()
            || address.octets()[0] == 0
            || address.octets()[0] > 239
        {
            return Err(refuse("hosts cannot have such addresses".into()));
        }
        let subnet = Self::of(address, prefix);
        if subnet.address != address {
            return Err(refuse(format!("the subnet that contains it is {subnet}")));
        }
        Ok(subnet)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl serde::Serialize for Subnet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().expect("valid")
    }

    #[test]
    fn its_addresses() {
        let lab = subnet("10.5.0.0/16");
        assert_eq!(lab.to_string(), "10.5.0.0/16");
        assert_eq!(
            (lab.gateway().to_string(), lab.broadcast().to_string()),
            ("10.5.0.1".into(), "10.5.255.255".into())
        );
        assert_eq!(lab.guests().to_string(), "10.5.0.2-10.5.255.254");
        assert_eq!(subnet("10.0.0.0/8").guests().to_string(), "10.0.0.2-10.0.255.254");
        assert_eq!(subnet("192.168.5.4/30").guests().to_string(), "192.168.5.6-192.168.5.6");
        assert_eq!(Subnet::of(Ipv4Addr::new(1, 2, 3, 4), 0).to_string(), "0.0.0.0/0");
    }

    #[test]
    fn overlaps_go_both_ways() {
        for (a, b, overlap) in [
            ("10.0.0.0/8", "10.5.0.0/16", true),
            ("192.168.1.0/24", "192.168.1.0/24", true),
            ("192.168.1.0/24", "192.168.2.0/24", false),
            ("192.168.1.0/25", "192.168.1.128/25", false),
        ] {
            assert_eq!(
                (subnet(a).overlaps(subnet(b)), subnet(b).overlaps(subnet(a))),
                (overlap, overlap),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn what_no_network_can_have_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0/8",
            "10.0.0.0/7",
            "10.0.0.0/31",
            "10.0.0.0/33",
            "fd00::/64",
            "127.0.0.0/8",
            "224.0.0.0/8",
            "0.0.0.0/8",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Subnet>().is_err(), "{text:?}");
        }
        let refused = "192.168.150.7/24".parse::<Subnet>().expect_err("host bits");
        assert!(refused.to_string().contains("192.168.150.0/24"), "{refused}");
    }
}
