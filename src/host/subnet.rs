use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{IpSubnet, Subnet, Subnet6};

/// The subnets that this host has routes to and the addresses that it has, without the default routes and its
/// loopback: all that a new network must keep clear of. Every link has the link-local ones of IPv6.
pub fn used_subnets() -> Vec<IpSubnet> {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    // Of all routing tables, unlike /proc/net/route, and local addresses too.
    let v4 = parse_fib_trie(&read("/proc/net/fib_trie")).into_iter().map(IpSubnet::V4);
    let v6 = parse_ipv6_route(&read("/proc/net/ipv6_route")).into_iter().map(IpSubnet::V6);
    v4.chain(v6).collect()
}

/// A node of the tree is an address on a line of its own, `|-- 192.168.122.0`; below it stand the prefix
/// lengths that there are routes for, such as `/24 link UNICAST`.
fn parse_fib_trie(text: &str) -> Vec<Subnet> {
    let mut subnets = Vec::new();
    let mut node: Option<Ipv4Addr> = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            node = address.parse().ok();
        } else if let (Some(address), Some(route)) = (node, line.strip_prefix('/')) {
            let prefix = route.split_whitespace().next().and_then(|prefix| prefix.parse().ok());
            subnets.extend(prefix.filter(|prefix| *prefix > 0).map(|prefix| Subnet::of(address, prefix)));
        }
    }
    subnets.retain(|subnet| !subnet.address().is_loopback());
    subnets.sort_unstable();
    subnets.dedup();
    subnets
}

/// A route a line: the destination in 32 hexadecimal digits, the length of its prefix in two, and more that does not
/// matter here (printed by Linux' net/ipv6/ip6_fib.c, `ipv6_route_native_seq_show`). It has those of all tables.
fn parse_ipv6_route(text: &str) -> Vec<Subnet6> {
    let destination = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| word.len() == 32)?;
        let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
        Some((address, u8::from_str_radix(words.next()?, 16).ok()?))
    };
    let everywhere = |address: Ipv6Addr| {
        address.is_loopback() || address.is_multicast() || address.is_unicast_link_local()
    };
    let routes = text.lines().filter_map(destination);
    let routes = routes.filter(|(address, prefix)| *prefix > 0 && !everywhere(*address));
    let mut subnets: Vec<Subnet6> = routes.map(|(address, prefix)| Subnet6::of(address, prefix)).collect();
    subnets.sort_unstable();
    subnets.dedup();
    subnets
}

#[cfg(test)]
mod tests {
    use super::*;

    // Linux 6.12, shortened; a route that leads nowhere was added by `ip route add blackhole 10.0.0.0/8`.
    const TRIE: &str = "Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 10.0.0.0
        /8 universe BLACKHOLE
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 192.168.122.0/24 2 0 2
        +-- 192.168.122.0/31 1 0 0
           |-- 192.168.122.0
              /24 link UNICAST
           |-- 192.168.122.1
              /32 host LOCAL
        |-- 192.168.122.255
           /32 link BROADCAST
";

    #[test]
    fn recorded_routes() {
        let found: Vec<String> = parse_fib_trie(TRIE).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.0/8", "192.168.122.0/24", "192.168.122.1/32", "192.168.122.255/32"]);
    }

    // Linux 6.18, shortened; after `ip -6 addr add fd00:1::1/64 dev d0`, `ip -6 route add blackhole fd22::/16` and
    // `ip -6 route add fd33::/48 dev d0 table 77`.
    const ROUTES6: &str = "\
fd330000000000000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001       d0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
fd000001000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       d0
fd220000000000000000000000000000 10 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       d0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd000001000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       d0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       d0
";

    #[test]
    fn recorded_routes_of_ipv6() {
        let found: Vec<String> = parse_ipv6_route(ROUTES6).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["fd00:1::/64", "fd00:1::1/128", "fd22::/16", "fd33::/48"]);
        assert!(parse_ipv6_route("").is_empty());
        assert!(parse_ipv6_route("fd00 40\nnonsense\nfd000001000000000000000000000000\n").is_empty());
    }

    #[test]
    fn what_is_no_route_is_passed_over() {
        assert!(parse_fib_trie("").is_empty());
        assert!(
            parse_fib_trie("/24 link UNICAST\n|-- nonsense\n/24 link UNICAST\n|-- 1.2.3.4\n/x\n").is_empty()
        );
    }
}
