use std::net::IpAddr;

use crate::model::Timestamp;

/// An address that libvirt's dnsmasq has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The hardware address that has it, in lower case.
    pub mac: String,
    /// The address.
    pub ip: IpAddr,
    /// The host name that the client sent.
    pub hostname: Option<String>,
    /// The id that its holder has given of itself: for IPv6 its DUID.
    pub client_id: Option<String>,
    /// When it ends; `None` if never.
    pub expires: Option<Timestamp>,
}

/// Reads `net-dhcp-leases`, its times in UTC: a heading of two lines, then a line for each lease with date,
/// time, hardware address, protocol, address, host name and client id, `-` for what is not known.
pub(super) fn parse(text: &str) -> Vec<Lease> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Lease> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [date, time, mac, "ipv4" | "ipv6", address, hostname, rest @ ..] = words.as_slice() else {
        return None;
    };
    Some(Lease {
        mac: mac.to_ascii_lowercase(),
        ip: address.split('/').next()?.parse().ok()?,
        hostname: known(hostname),
        client_id: rest.first().and_then(|id| known(id)),
        // One without an end has the time zero.
        expires: format!("{date}T{time}Z").parse().ok().filter(|_| !date.starts_with("1970-")),
    })
}

fn known(word: &str) -> Option<String> {
    (word != "-").then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // virsh 11.3.0 with TZ=UTC: `net-dhcp-leases default`; the second one made infinite by hand.
    const LEASES: &str = " Expiry Time           MAC address         Protocol   IP address          Hostname   Client ID or DUID
-----------------------------------------------------------------------------------------------------------
 2026-11-23 16:58:53   52:54:00:6F:3b:68   ipv4       192.168.122.43/24   web        01:52:54:00:6f:3b:68
 1970-01-01 00:00:00   52:54:00:6f:3b:69   ipv4       192.168.122.44/24   -          -

";

    #[test]
    fn recorded_output() {
        let leases = parse(LEASES);
        assert_eq!(leases.len(), 2);
        assert_eq!(
            (leases[0].mac.as_str(), leases[0].hostname.as_deref()),
            ("52:54:00:6f:3b:68", Some("web"))
        );
        assert_eq!(leases[0].ip.to_string(), "192.168.122.43");
        assert_eq!(leases[0].expires.map(|time| time.to_string()).as_deref(), Some("2026-11-23T16:58:53Z"));
        assert_eq!(leases[0].client_id.as_deref(), Some("01:52:54:00:6f:3b:68"));
        assert_eq!((leases[1].hostname.as_deref(), leases[1].expires), (None, None));
        assert_eq!(leases[1].client_id, None);
    }

    #[test]
    fn malformed_lines_are_passed_over() {
        assert!(parse("").is_empty());
        assert!(
            parse(" soon never mac ipv4 not-an-address host id\n 2026-11-23 16:58:53 mac ipx 1.2.3.4 -\n")
                .is_empty()
        );
    }
}
