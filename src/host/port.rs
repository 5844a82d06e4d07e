use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use super::Error;
use crate::model::{Protocol, Uuid};

/// A TCP port of 127.0.0.1 that is free now. It is taken by chance from 20000 to 32000, outside the range
/// that the kernel gives to outgoing connections, so that two who look at the same time, or a connection
/// that comes between, rarely meet. Whoever binds it still has to expect that it is gone.
///
/// # Errors
/// When no port at all can be bound.
pub fn free_port() -> Result<u16, Error> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let outgoing = parse_port_range(&text).unwrap_or(32768..=60999);
    candidates()
        .filter(|port| !outgoing.contains(port))
        .find(|port| is_free(*port, Protocol::Tcp))
        .map_or_else(any_port, Ok)
}

/// Whether the port of 127.0.0.1 is free now. One that this user may not bind (below 1024) is not.
pub fn is_free(port: u16, protocol: Protocol) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    match protocol {
        Protocol::Tcp => TcpListener::bind(address).is_ok(),
        Protocol::Udp => UdpSocket::bind(address).is_ok(),
    }
}

const RANGE: RangeInclusive<u16> = 20000..=32000;

fn candidates() -> impl Iterator<Item = u16> {
    let width = RANGE.end() - RANGE.start() + 1;
    let random = std::iter::repeat_with(|| Uuid::new_v4().into_bytes());
    random
        .take(500)
        .map(move |[first, second, ..]| RANGE.start() + u16::from_le_bytes([first, second]) % width)
}

fn any_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::NoFreePort)
}

fn parse_port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_held_is_not_free() {
        let port = free_port().expect("there is one");
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("binds");
        assert!(!is_free(port, Protocol::Tcp));
        drop(held);
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let port = held.local_addr().expect("is bound").port();
        assert!(!is_free(port, Protocol::Udp));
    }

    #[test]
    fn candidates_differ_and_stay_in_range() {
        let ports: std::collections::HashSet<u16> = candidates().collect();
        assert!(ports.len() > 300, "{}", ports.len());
        assert!(ports.iter().all(|port| RANGE.contains(port)));
    }

    #[test]
    fn the_kernels_range() {
        assert_eq!(parse_port_range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(parse_port_range(""), None);
        assert_eq!(parse_port_range("1"), None);
    }
}
