/// Whether this host has a route to the outside, which passt needs to start: a default route of IPv4
/// (/proc/net/route, destination and mask of zeros) or of IPv6 (/proc/net/ipv6_route, prefix length 0
/// on a device other than `lo`).
pub fn has_default_route() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    v4_default(&read("/proc/net/route")) || v6_default(&read("/proc/net/ipv6_route"))
}

fn v4_default(table: &str) -> bool {
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&"00000000") && fields.get(7) == Some(&"00000000")
    })
}

fn v6_default(table: &str) -> bool {
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&"00") && fields.last().is_some_and(|device| *device != "lo")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_seen() {
        let heading = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let local = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let default = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert!(v4_default(&format!("{heading}{default}{local}")));
        assert!(!v4_default(&format!("{heading}{local}")) && !v4_default(""));
    }

    #[test]
    fn the_unreachable_one_of_lo_does_not_count() {
        let zeros = "0".repeat(32);
        let line = |device: &str| {
            format!("{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200 {device}\n")
        };
        assert!(!v6_default(&line("      lo")));
        assert!(v6_default(&line("    eth0")));
    }
}
