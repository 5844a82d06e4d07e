use std::net::Ipv4Addr;

use crate::model::Subnet;

/// The IPv4 subnets that this host has routes to and the addresses that it has, without the default route
/// and its loopback: all that a new network must keep clear of.
pub fn used_subnets() -> Vec<Subnet> {
    // Of all routing tables, unlike /proc/net/route, and local addresses too.
    parse_fib_trie(&std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default())
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

    #[test]
    fn what_is_no_route_is_passed_over() {
        assert!(parse_fib_trie("").is_empty());
        assert!(
            parse_fib_trie("/24 link UNICAST\n|-- nonsense\n/24 link UNICAST\n|-- 1.2.3.4\n/x\n").is_empty()
        );
    }
}
