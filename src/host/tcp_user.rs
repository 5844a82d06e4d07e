use std::net::{IpAddr, SocketAddr, SocketAddrV4};

/// The user whose process has opened that connection to a port of this host, by the addresses of both ends; `None`
/// when the kernel no longer lists it. IPv4 alone.
pub fn tcp_user(client: SocketAddr, server: SocketAddr) -> Option<u32> {
    parse_tcp_user(&std::fs::read_to_string("/proc/net/tcp").ok()?, client, server)
}

/// A line of proc(5)'s /proc/net/tcp for each end of a connection: `sl local_address rem_address st tx:rx tr:when
/// retrnsmt uid ..`. An address is its four bytes as a number of this host's order, in hexadecimal.
fn parse_tcp_user(text: &str, client: SocketAddr, server: SocketAddr) -> Option<u32> {
    let (client, server) = (in_hex(client)?, in_hex(server)?);
    text.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_connection = words.get(1)? == &client && words.get(2)? == &server;
        is_connection.then(|| words.get(7)?.parse().ok())?
    })
}

fn in_hex(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let address = SocketAddrV4::new(ip, address.port());
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:170D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31 1 0 100 0 0 10 0\n\
        \x20  1: 0100007F:170D 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 33 1 0 20 4 30 10 -1\n\
        \x20  2: 0100007F:C350 0100007F:170D 01 00000000:00000000 00:00000000 00000000  1000        0 32 1 0 20 4 30 10 -1\n";

    #[test]
    fn the_user_of_the_far_end_is_read() {
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(parse_tcp_user(TCP, at(50000), at(5901)), Some(1000));
        assert_eq!(parse_tcp_user(TCP, at(50001), at(5901)), None);
        assert_eq!(parse_tcp_user("", at(50000), at(5901)), None);
    }

    #[test]
    fn an_own_connection_is_this_users() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let _client = TcpStream::connect(listener.local_addr().expect("is bound")).expect("connects");
        let (server, client) = listener.accept().expect("comes");
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(tcp_user(client, server.local_addr().expect("is bound")), Some(uid));
    }
}
