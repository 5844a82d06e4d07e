use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::Banner;

/// The line with which an ssh server introduces itself, such as "SSH-2.0-OpenSSH_9.2p1": `to_connect` bounds the wait for
/// the connection, `for_banner` that for the line, from the same moment on.
/// Lines before it are skipped (RFC 4253, 4.2).
///
/// A server counts a client that leaves after its banner as one that didn't log in (OpenSSH 9.8's
/// PerSourcePenalties): stop asking once it was seen.
///
/// # Errors
/// [`Banner::NotYet`] and [`Banner::Silent`] are worth another try; [`Banner::NotSsh`] is not.
pub async fn read_banner(
    address: SocketAddr,
    to_connect: Duration,
    for_banner: Duration,
) -> Result<String, Banner> {
    let began = Instant::now();
    let not_yet = |source| Banner::NotYet { address, source };
    let mut stream = match timeout(to_connect, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(not_yet)?,
        Err(_) => return Err(not_yet(ErrorKind::TimedOut.into())),
    };
    close_by_reset(&stream, true);
    // As ssh does, we introduce ourselves at once. The passt of Debian 12 passes nothing on from a guest
    // before its peer has spoken.
    stream.write_all(b"SSH-2.0-vmtools\r\n").await.map_err(not_yet)?;
    let mut seen = Vec::new();
    let mut chunk = [0; 512];
    loop {
        let left = for_banner.saturating_sub(began.elapsed());
        let count = match timeout(left, stream.read(&mut chunk)).await {
            Ok(read) => read.map_err(not_yet)?,
            Err(_) if seen.is_empty() => return Err(Banner::Silent { address }),
            Err(_) => return Err(Banner::NotSsh { address }),
        };
        seen.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match parse_banner(&seen) {
            Progress::Banner(line) => {
                close_by_reset(&stream, false);
                return Ok(line);
            }
            Progress::NotSsh => return Err(Banner::NotSsh { address }),
            Progress::More if count == 0 && seen.is_empty() => {
                return Err(not_yet(Error::from(ErrorKind::UnexpectedEof)));
            }
            Progress::More if count == 0 => return Err(Banner::NotSsh { address }),
            Progress::More => {}
        }
    }
}

/// Whether a TCP port takes connections and keeps them for a moment. A forwarder (passt, slirp) takes one
/// before the guest does, and closes it when the guest refuses: that is not open. While the guest's network
/// isn't up at all, a forwarder may hold the connection longer than we look, and the port seems open: ask
/// for a forwarded port only of a guest that has answered otherwise.
pub async fn port_open(address: SocketAddr, span: Duration) -> bool {
    let began = Instant::now();
    let Ok(Ok(mut stream)) = timeout(span, TcpStream::connect(address)).await else {
        return false;
    };
    close_by_reset(&stream, true);
    let look = LINGER.min(span.saturating_sub(began.elapsed()));
    match timeout(look, stream.read(&mut [0; 1])).await {
        // Somebody waits for us to speak first.
        Err(_) => true,
        Ok(Ok(count)) => count > 0,
        Ok(Err(_)) => false,
    }
}

/// Whether the connection is reset when it is dropped, not shut down. The passt of Debian 12 keeps one that its
/// client has shut down until the guest answers or ten seconds have passed, and spins on a CPU meanwhile, which an
/// emulated guest would need to boot.
fn close_by_reset(stream: &TcpStream, is_reset: bool) {
    let linger = is_reset.then_some(Duration::ZERO);
    // Without it the connection is closed as any other.
    let _ = rustix::net::sockopt::set_socket_linger(stream, linger);
}

/// How long a forwarder may take to learn that the guest refuses.
const LINGER: Duration = Duration::from_millis(500);

/// The most that may come before the banner, in bytes.
const LIMIT: usize = 16 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Banner(String),
    More,
    NotSsh,
}

fn parse_banner(bytes: &[u8]) -> Progress {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"SSH-") {
            let whole = line.ends_with(b"\n");
            // RFC 4253 allows 255 bytes with the line's end.
            return match line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
                _ if line.len() > 255 => Progress::NotSsh,
                true if whole => Progress::Banner(printable(line)),
                false if whole => Progress::NotSsh,
                _ => Progress::More,
            };
        }
    }
    match bytes.len() > LIMIT || bytes.starts_with(b"HTTP/") {
        true => Progress::NotSsh,
        false => Progress::More,
    }
}

/// A guest's text is not let loose on a terminal.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    const SOON: Duration = Duration::from_secs(10);
    const BRIEFLY: Duration = Duration::from_millis(300);

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("runtime").block_on(future)
    }

    /// A server that takes one connection, sends each text, holds the connection for `hold`, closes it.
    fn server(texts: &'static [&'static [u8]], hold: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("is bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            if !texts.is_empty() {
                // What is left unread when it closes would make the system throw away what it sent.
                let _ = stream.read(&mut [0; 64]);
            }
            for text in texts {
                let _ = stream.write_all(text);
                let _ = stream.flush();
                std::thread::sleep(Duration::from_millis(20));
            }
            std::thread::sleep(hold);
        });
        address
    }

    #[test]
    fn banners_are_parsed() {
        let banner = |text: &str| Progress::Banner(text.to_owned());
        assert_eq!(
            parse_banner(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nxx"),
            banner("SSH-2.0-OpenSSH_9.2p1 Debian-2")
        );
        assert_eq!(parse_banner(b"hello\r\nSSH-1.99-x\n"), banner("SSH-1.99-x"));
        assert_eq!(parse_banner(b"SSH-2.0-a\x1b[31m\n"), banner("SSH-2.0-a[31m"));
        assert_eq!(parse_banner(b"SSH-2.0-Open"), Progress::More);
        assert_eq!(parse_banner(b"SS"), Progress::More);
        assert_eq!(parse_banner(b"SSH-1.5-x\n"), Progress::NotSsh);
        assert_eq!(parse_banner(b"HTTP/1.1 400 Bad Request\r\n"), Progress::NotSsh);
        assert_eq!(parse_banner(&[b"SSH-2.0-".as_slice(), &[b'x'; 300]].concat()), Progress::NotSsh);
        assert_eq!(parse_banner(&[b'x'; LIMIT + 1]), Progress::NotSsh);
    }

    #[test]
    fn a_slow_server_is_read_to_its_line() {
        let address = server(&[b"be wel", b"come\r\nSSH-2", b".0-x\r\n"], Duration::ZERO);
        assert_eq!(block_on(read_banner(address, SOON, SOON)).expect("reads"), "SSH-2.0-x");
    }

    #[test]
    fn a_guest_that_has_accepted_is_waited_for_longer_than_its_connection() {
        let address = server(&[b"Welcome\r\n", b"SSH-2.0-x\r\n"], Duration::ZERO);
        // The second line comes 20 ms after the first.
        assert_eq!(
            block_on(read_banner(address, Duration::from_millis(10), SOON)).expect("reads"),
            "SSH-2.0-x"
        );
    }

    #[test]
    fn not_yet_is_told_apart() {
        let read = |address| block_on(read_banner(address, BRIEFLY, BRIEFLY));
        let closed = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("is bound");
        assert!(matches!(read(closed), Err(Banner::NotYet { .. })));
        assert!(matches!(read(server(&[], Duration::ZERO)), Err(Banner::NotYet { .. })));
        assert!(matches!(read(server(&[], Duration::from_secs(5))), Err(Banner::Silent { .. })));
        assert!(matches!(read(server(&[b"220 smtp\r\n"], Duration::ZERO)), Err(Banner::NotSsh { .. })));
    }

    #[test]
    fn an_open_port_keeps_its_connection() {
        let open = |address| block_on(port_open(address, Duration::from_secs(5)));
        assert!(open(server(&[], Duration::from_secs(5))));
        assert!(open(server(&[b"x"], Duration::ZERO)));
        assert!(!open(server(&[], Duration::ZERO)));
        let closed = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("is bound");
        assert!(!open(closed));
    }

    /// What the server's end of a connection sees when `probe` is done with it: an error, or how many bytes came.
    fn end_seen(probe: impl AsyncFn(SocketAddr), answer: &'static [u8]) -> Result<usize, ErrorKind> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("is bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            stream.write_all(answer).expect("answers");
            stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind())
        });
        block_on(async { probe(address).await });
        server.join().expect("ends")
    }

    #[test]
    fn a_connection_without_an_answer_is_reset() {
        let banner = async |address| drop(read_banner(address, BRIEFLY, BRIEFLY).await);
        assert_eq!(end_seen(banner, b""), Err(ErrorKind::ConnectionReset));
        assert_eq!(end_seen(banner, b"SSH-2.0-x\r\n"), Ok("SSH-2.0-vmtools\r\n".len()));
        let port = async |address| assert!(port_open(address, Duration::from_secs(5)).await);
        assert_eq!(end_seen(port, b""), Err(ErrorKind::ConnectionReset));
    }
}
