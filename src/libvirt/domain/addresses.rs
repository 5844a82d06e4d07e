use std::net::IpAddr;

/// An address that libvirt knows of a domain's network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface's hardware address, in lower case.
    pub mac: String,
    /// The address.
    pub ip: IpAddr,
}

/// Where libvirt can ask for addresses, in the order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// The leases that libvirt's own dnsmasq gave.
    Lease,
    /// The guest agent.
    Agent,
    /// The host's ARP table.
    Arp,
}

impl AddressSource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Agent => "agent",
            Self::Arp => "arp",
        }
    }
}

/// Reads `domifaddr --full`: a heading of two lines, then `name mac protocol address/prefix` a line.
/// Loopback and link-local addresses are left out.
pub(super) fn parse(text: &str) -> Vec<Address> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Address> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // An interface's name may hold blanks (Windows), so the columns are counted from the end.
    let [.., mac, "ipv4" | "ipv6", address] = words.as_slice() else {
        return None;
    };
    let ip: IpAddr = address.split('/').next()?.parse().ok()?;
    is_reachable(ip).then(|| Address { mac: mac.to_ascii_lowercase(), ip })
}

fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // virsh 11.3.0: `domifaddr UUID --full --source agent` on a Debian 12 guest.
    const AGENT: &str = " Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 lo         00:00:00:00:00:00    ipv6         ::1/128
 enp1s0     52:54:00:AA:bb:cc    ipv4         192.168.122.57/24
 enp1s0     52:54:00:aa:bb:cc    ipv6         fe80::5054:ff:feaa:bbcc/64

";

    #[test]
    fn recorded_output() {
        let expected =
            Address { mac: "52:54:00:aa:bb:cc".into(), ip: "192.168.122.57".parse().expect("valid") };
        assert_eq!(parse(AGENT), [expected]);
    }

    #[test]
    fn malformed_lines_are_passed_over() {
        assert!(parse("").is_empty());
        assert!(parse(" vnet0 52:54:00:aa:bb:cc ipv4 not-an-address/24\n vnet0 N/A N/A\n").is_empty());
    }
}
