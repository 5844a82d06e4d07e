use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::{Invalid, IpRange};

/// An IPv6 subnet, such as `fd00:abcd::/64`: what the guests of a libvirt network have addresses of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet6 {
    address: Ipv6Addr,
    prefix: u8,
}

impl Subnet6 {
    /// The subnet with that prefix length, up to 128, that the address lies in.
    pub fn of(address: Ipv6Addr, prefix: u8) -> Self {
        let prefix = prefix.min(128);
        Self { address: Ipv6Addr::from(u128::from(address) & mask(prefix)), prefix }
    }

    /// Its own address, the lowest in it, which all its routers answer to.
    pub fn address(self) -> Ipv6Addr {
        self.address
    }

    /// How many bits of an address are the subnet's.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The first host's address, which the host of the VMs takes.
    pub fn gateway(self) -> Ipv6Addr {
        self.nth(1)
    }

    /// The addresses that are given to guests. libvirt takes a range for DHCPv6 only if its ends
    /// differ in the last 16 bits at most (`virSocketAddrGetRange`).
    pub fn guests(self) -> IpRange {
        let last = !mask(self.prefix) & 0xffff;
        IpRange::new(self.nth(2), self.nth(last))
    }

    /// Whether the address lies in it.
    pub fn contains(self, address: Ipv6Addr) -> bool {
        u128::from(address) & mask(self.prefix) == u128::from(self.address)
    }

    /// Whether some address lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Whether no router of the internet passes such addresses on (RFC 4193).
    pub fn is_private(self) -> bool {
        self.address.is_unique_local()
    }

    fn nth(self, number: u128) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.address).saturating_add(number))
    }
}

impl FromStr for Subnet6 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: String| Invalid::new("IPv6 subnet", text, reason);
        let form = || refuse("expected an IPv6 ADDRESS/PREFIX, such as fd00:abcd::/64".into());
        let (address, prefix) = text.split_once('/').ok_or_else(form)?;
        let address: Ipv6Addr = address.parse().map_err(|_| form())?;
        let prefix: u8 = prefix.parse().map_err(|_| form())?;
        // dnsmasq serves no larger one; a /126 has room for the host and a guest.
        if !(64..=126).contains(&prefix) {
            return Err(refuse("the prefix must be 64 to 126; guests configure themselves in a /64".into()));
        }
        if address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || address.is_unicast_link_local()
            || address.to_ipv4_mapped().is_some()
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

impl fmt::Display for Subnet6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl serde::Serialize for Subnet6 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet6 {
        text.parse().expect("valid")
    }

    #[test]
    fn its_addresses() {
        let lab = subnet("fd00:1::/64");
        assert_eq!(
            (lab.to_string().as_str(), lab.gateway().to_string().as_str()),
            ("fd00:1::/64", "fd00:1::1")
        );
        assert_eq!(lab.guests().to_string(), "fd00:1::2-fd00:1::ffff");
        assert_eq!(subnet("fd00:1::4/126").guests().to_string(), "fd00:1::6-fd00:1::7");
        assert!(lab.is_private() && !subnet("2001:db8::/64").is_private());
        assert_eq!(Subnet6::of("fd00::1".parse().expect("valid"), 0).to_string(), "::/0");
    }

    #[test]
    fn overlaps_go_both_ways() {
        for (a, b, overlap) in
            [("fd00:1::/64", "fd00:1::/112", true), ("fd00:1::/64", "fd00:1:0:1::/64", false)]
        {
            assert_eq!((subnet(a).overlaps(subnet(b)), subnet(b).overlaps(subnet(a))), (overlap, overlap));
        }
        assert!(subnet("fd00:1::/64").contains("fd00:1::42".parse().expect("valid")));
    }

    #[test]
    fn what_no_network_can_have_is_refused() {
        for text in [
            "",
            "fd00::",
            "fd00::/",
            "fd00::/63",
            "fd00::/127",
            "::1/64",
            "::/64",
            "ff02::/64",
            "fe80::/64",
            "::ffff:10.0.0.0/104",
            "10.0.0.0/24",
        ] {
            assert!(text.parse::<Subnet6>().is_err(), "{text:?}");
        }
        let refused = "fd00:1::7/64".parse::<Subnet6>().expect_err("host bits");
        assert!(refused.to_string().contains("fd00:1::/64"), "{refused}");
    }
}
