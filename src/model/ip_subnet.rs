use std::fmt;
use std::net::IpAddr;

use super::{Subnet, Subnet6};

/// A subnet of either family, such as `192.168.150.0/24` or `fd00:abcd::/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpSubnet {
    /// One of IPv4.
    V4(Subnet),
    /// One of IPv6.
    V6(Subnet6),
}

impl IpSubnet {
    /// The subnet with that prefix length that the address lies in.
    pub fn of(address: IpAddr, prefix: u8) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Subnet::of(address, prefix)),
            IpAddr::V6(address) => Self::V6(Subnet6::of(address, prefix)),
        }
    }

    /// Whether its addresses are those of IPv6.
    pub fn is_ipv6(self) -> bool {
        matches!(self, Self::V6(_))
    }

    /// Its own address, the lowest in it, which no guest can have.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(subnet) => subnet.address().into(),
            Self::V6(subnet) => subnet.address().into(),
        }
    }

    /// The first host's address, which the host of the VMs takes.
    pub fn gateway(self) -> IpAddr {
        match self {
            Self::V4(subnet) => subnet.gateway().into(),
            Self::V6(subnet) => subnet.gateway().into(),
        }
    }

    /// The address to which broadcasts go; IPv6 has none.
    pub fn broadcast(self) -> Option<IpAddr> {
        match self {
            Self::V4(subnet) => Some(subnet.broadcast().into()),
            Self::V6(_) => None,
        }
    }

    /// The addresses that are given to guests on a network that vmtools makes.
    pub fn guests(self) -> IpRange {
        match self {
            Self::V4(subnet) => subnet.guests(),
            Self::V6(subnet) => subnet.guests(),
        }
    }

    /// Whether the address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(subnet), IpAddr::V4(address)) => subnet.contains(address),
            (Self::V6(subnet), IpAddr::V6(address)) => subnet.contains(address),
            _ => false,
        }
    }

    /// Whether some address lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(one), Self::V4(other)) => one.overlaps(other),
            (Self::V6(one), Self::V6(other)) => one.overlaps(other),
            _ => false,
        }
    }
}

impl From<Subnet> for IpSubnet {
    fn from(subnet: Subnet) -> Self {
        Self::V4(subnet)
    }
}

impl From<Subnet6> for IpSubnet {
    fn from(subnet: Subnet6) -> Self {
        Self::V6(subnet)
    }
}

impl fmt::Display for IpSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(subnet) => subnet.fmt(f),
            Self::V6(subnet) => subnet.fmt(f),
        }
    }
}

impl serde::Serialize for IpSubnet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A range of addresses of one family, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct IpRange {
    /// The first.
    pub start: IpAddr,
    /// The last.
    pub end: IpAddr,
}

impl IpRange {
    /// The range between two addresses of one family.
    pub fn new<A: Into<IpAddr>>(start: A, end: A) -> Self {
        Self { start: start.into(), end: end.into() }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(address: &str, prefix: u8) -> IpSubnet {
        IpSubnet::of(address.parse().expect("valid"), prefix)
    }

    #[test]
    fn families_do_not_mix() {
        let (four, six) = (subnet("10.0.0.7", 24), subnet("fd00::7", 64));
        assert_eq!((four.to_string().as_str(), six.to_string().as_str()), ("10.0.0.0/24", "fd00::/64"));
        assert!(four.overlaps(subnet("10.0.0.128", 25)) && !four.overlaps(six) && six.is_ipv6());
        // A range that holds everything of its own family.
        assert!(!subnet("::", 0).overlaps(subnet("0.0.0.0", 0)));
        let contains = |of: IpSubnet, address: &str| of.contains(address.parse().expect("valid"));
        assert!(contains(four, "10.0.0.9") && contains(six, "fd00::9"));
        assert!(!contains(four, "::ffff:10.0.0.9") && !contains(six, "10.0.0.9"));
        assert_eq!(
            (four.broadcast().map(|ip| ip.to_string()).as_deref(), six.broadcast()),
            (Some("10.0.0.255"), None)
        );
        assert_eq!(six.guests().to_string(), "fd00::2-fd00::ffff");
    }
}
