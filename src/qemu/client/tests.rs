use std::fmt::Write as _;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{UnixListener, UnixSocket};
use tokio::task::yield_now;

use super::*;
use crate::qemu::event::{MOST_BYTES, MOST_EVENTS};
use crate::qemu::{LINE_LIMIT, QueryBalloon, QueryKvm, QueryName, QueryStatus, VersionNumber};

/// The first lines that QEMU 7.2.18 and 10.0.2 sent; see tests/fixtures/qmp/README.md.
const GREETINGS: [&str; 2] = [
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/qmp/replies-7.2.18.txt")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/qmp/replies-10.0.2.txt")),
];
const RUNNING: &str = r#"{"status": "running", "running": true}"#;
/// For what has to come; what has not to come has a shorter time.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("runtime").block_on(future)
}

/// A server's end of a connection.
struct Server(BufReader<UnixStream>);

impl Server {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        // A client that has had enough closes: that is for it to judge.
        let _ = self.0.get_mut().write_all(text.as_ref()).await;
    }

    /// The next command and its id.
    async fn command(&mut self) -> (String, u64) {
        let mut line = String::new();
        self.0.read_line(&mut line).await.expect("reads");
        let line: serde_json::Value = serde_json::from_str(&line).expect("a command");
        (line["execute"].as_str().expect("a name").to_owned(), line["id"].as_u64().expect("an id"))
    }

    async fn greet(&mut self) {
        let greeting = GREETINGS[1].split_inclusive('\n').next().expect("a greeting");
        self.send(greeting).await;
        let (command, id) = self.command().await;
        assert_eq!(command, "qmp_capabilities");
        self.send(returns("{}", id)).await;
    }
}

fn returns(value: &str, id: u64) -> String {
    format!("{{\"return\": {value}, \"id\": {id}}}\r\n")
}

/// Listens in a directory of its own, serves each connection in turn, then closes it.
fn serve<F: Future<Output = ()> + 'static>(
    mut each: impl FnMut(Server) -> F + 'static,
) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let socket = folder.path().join("q");
    let listener = UnixListener::bind(&socket).expect("binds");
    let local = async move {
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            each(Server(BufReader::new(stream))).await;
        }
    };
    tokio::task::spawn_local(local);
    (folder, socket)
}

/// Runs a test on one thread, its server beside it.
fn test<T>(future: impl Future<Output = T>) -> T {
    let bounded = async { tokio::time::timeout(2 * LONG, future).await.expect("it hangs") };
    block_on(tokio::task::LocalSet::new().run_until(bounded))
}

async fn connect(socket: &Path) -> Connection {
    Connection::connect(socket, LONG).await.expect("connects")
}

#[test]
fn greetings_of_both_versions_are_taken() {
    let wanted = [(7, 2, 18), (10, 0, 2)].map(|(major, minor, micro)| VersionNumber { major, minor, micro });
    for (text, wanted) in GREETINGS.iter().zip(wanted) {
        test(async move {
            let (_folder, socket) = serve(move |mut server| async move {
                server.send(text.split_inclusive('\n').next().unwrap_or_default()).await;
                let (_, id) = server.command().await;
                server.send(returns("{}", id)).await;
                let _ = server.command().await;
            });
            let client = connect(&socket).await;
            assert_eq!(client.version().qemu, wanted);
            assert!(client.version().package.starts_with("Debian 1:"));
        });
    }
}

#[test]
fn nobody_there() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let kind = |name: &str| {
        let path = folder.path().join(name);
        match block_on(Connection::connect(&path, LONG)).expect_err("nobody is there") {
            Error::Connect { source, socket } if socket == path => source.kind(),
            error => panic!("{error:?}"),
        }
    };
    assert_eq!(kind("none"), io::ErrorKind::NotFound);
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("left")).expect("binds"));
    assert_eq!(kind("left"), io::ErrorKind::ConnectionRefused);
    assert_eq!(kind(&"x".repeat(200)), io::ErrorKind::InvalidInput);
}

#[test]
fn a_silent_one_is_busy() {
    // Nobody accepts: the queue takes one or two, the others are told to come again.
    let folder = tempfile::tempdir().expect("temporary folder");
    let socket = folder.path().join("q");
    block_on(async {
        let unbound = UnixSocket::new_stream().expect("a socket");
        unbound.bind(&socket).expect("binds");
        let _listener = unbound.listen(1).expect("listens");
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(UnixStream::connect(&socket).await.ok());
        }
        assert!(waiting.iter().any(Option::is_none), "the queue is not full");
        assert!(matches!(Connection::connect(&socket, LONG).await, Err(Error::Busy { .. })));
        waiting.clear();
    });
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            let _ = server.command().await;
        });
        let error = Connection::connect(&socket, SHORT).await.expect_err("it is silent");
        assert!(matches!(error, Error::Busy { within: SHORT, .. }), "{error:?}");
    });
}

#[test]
fn what_is_not_qmp_is_told() {
    for garbage in
        ["SSH-2.0-OpenSSH_9.2p1\r\n", "\0\0\0\n", "{\"return\": {}}\r\n", "{\"event\": \"STOP\"}\r\n"]
    {
        test(async {
            let (_folder, socket) = serve(move |mut server| async move {
                server.send(garbage).await;
                server.send("x").await;
            });
            let error = Connection::connect(&socket, LONG).await.expect_err("it is garbage");
            assert!(matches!(error, Error::Malformed { .. }), "{garbage}: {error:?}");
        });
    }
}

#[test]
fn a_reply_may_come_byte_by_byte_and_between_others() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            loop {
                let (_, id) = server.command().await;
                let lines = [
                    "{\"event\": \"STOP\"}\r\n".to_owned(),
                    returns("{\"status\": \"other\", \"running\": false}", id + 7),
                    returns("{\"status\": \"older\", \"running\": false}", id - 1),
                    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON\"}}\r\n".to_owned(),
                    "{\"return\": 1, \"id\": \"query-status\"}\r\n".to_owned(),
                    returns(RUNNING, id),
                ];
                for byte in lines.concat().bytes() {
                    server.send([byte]).await;
                    yield_now().await;
                }
            }
        });
        let mut client = connect(&socket).await;
        for _ in 0..3 {
            let status = client.run_within(&QueryStatus, LONG).await.expect("replies");
            assert_eq!((status.status.as_str(), status.running), ("running", true));
        }
        assert_eq!(client.take_events().len(), 3);
        assert_eq!(client.take_events().len(), 0);
    });
}

#[test]
fn several_are_asked_at_once_and_routed_by_id() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            // All are written before the first is answered.
            let mut ids = Vec::new();
            for name in ["query-status", "query-balloon", "query-kvm", "query-name"] {
                let (command, id) = server.command().await;
                assert_eq!(command, name);
                ids.push(id);
            }
            server.send(returns("{\"enabled\": true, \"present\": true}", ids[2])).await;
            server.send(returns(RUNNING, ids[0])).await;
            let refusal =
                "{\"class\": \"DeviceNotActive\", \"desc\": \"No balloon device has been activated\"}";
            server.send(format!("{{\"id\": {}, \"error\": {refusal}}}\r\n", ids[1])).await;
            // A second reply to the same command is nobody's.
            server.send(returns("{\"enabled\": false, \"present\": true}", ids[2])).await;
            server.send(returns("{\"name\": 7}", ids[3])).await;
            let (_, id) = server.command().await;
            server.send(returns(RUNNING, id)).await;
            let _ = server.command().await;
        });
        let mut client = connect(&socket).await;
        let commands = (QueryStatus, QueryBalloon, QueryKvm, QueryName);
        let (status, balloon, kvm, name) = client.run_all_within(&commands, LONG).await.expect("replies");
        assert!(status.is_ok_and(|status| status.running));
        assert!(kvm.is_ok_and(|kvm| kvm.enabled));
        let Err(Error::Refused { command: "query-balloon", class, message }) = balloon else {
            panic!("{balloon:?}");
        };
        assert_eq!(
            (class.as_str(), message.as_str()),
            ("DeviceNotActive", "No balloon device has been activated")
        );
        assert!(matches!(name, Err(Error::Reply { command: "query-name", .. })), "{name:?}");
        // Neither broke the connection.
        assert!(client.run_within(&QueryStatus, LONG).await.is_ok());
    });
}

#[test]
fn an_event_storm_is_bounded() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            let (_, id) = server.command().await;
            let mut storm = String::new();
            for number in 0..100_000 {
                let _ =
                    writeln!(storm, "{{\"event\": \"RTC_CHANGE\", \"data\": {{\"offset\": {number}}}}}\r");
            }
            server.send(storm).await;
            server.send(returns(RUNNING, id)).await;
            let (_, id) = server.command().await;
            server.send(returns(RUNNING, id) + "{\"event\": \"STOP\"}\r\n").await;
            let _ = server.command().await;
        });
        let mut client = connect(&socket).await;
        client.run_within(&QueryStatus, LONG).await.expect("replies");
        assert_eq!(client.dropped_events(), 100_000 - MOST_EVENTS as u64);
        assert!(client.reader.capacity() <= 64 << 10, "{} bytes are held", client.reader.capacity());
        let event = client.event().await.expect("the oldest that was kept");
        assert_eq!(event.data_json(), format!("{{\"offset\": {}}}", 100_000 - MOST_EVENTS));
        assert_eq!(client.take_events().len(), MOST_EVENTS - 1);
        // One that came together with a reply is not waited for.
        client.run_within(&QueryStatus, LONG).await.expect("replies");
        assert_eq!(client.event().await.expect("an event").name, "STOP");
    });
}

#[test]
fn a_line_of_a_hundred_mebibytes_breaks_the_connection_but_not_us() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            let _ = server.command().await;
            server.send("{\"return\": \"").await;
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..100 {
                server.send(&chunk).await;
            }
        });
        let mut client = connect(&socket).await;
        let error = client.run_within(&QueryStatus, LONG).await.expect_err("it is too long");
        assert!(matches!(error, Error::TooLong { .. }), "{error:?}");
        assert_eq!(client.reader.capacity(), 0);
        const { assert!(LINE_LIMIT == 10 << 20 && MOST_BYTES <= LINE_LIMIT) };
        assert!(matches!(client.run(&QueryStatus).await, Err(Error::Unusable { .. })));
        assert!(matches!(client.event().await, Err(Error::Unusable { .. })));
    });
}

#[test]
fn a_connection_may_close_at_any_byte() {
    let reply = returns(RUNNING, 1);
    for length in [0, 1, reply.len() - 2, reply.len()] {
        let part = reply.get(..length).unwrap_or_default().to_owned();
        let whole = length == reply.len();
        test(async move {
            let (_folder, socket) = serve(move |mut server| {
                let part = part.clone();
                async move {
                    server.greet().await;
                    let (_, id) = server.command().await;
                    assert_eq!(id, 1);
                    server.send(part).await;
                }
            });
            let mut client = connect(&socket).await;
            let replied = client.run_within(&QueryStatus, LONG).await;
            match whole {
                true => assert!(replied.is_ok()),
                false => assert!(matches!(replied, Err(Error::Closed { .. })), "{replied:?}"),
            }
            let next = client.run_within(&QueryStatus, LONG).await;
            assert!(matches!(next, Err(Error::Closed { .. } | Error::Unusable { .. })), "{next:?}");
            assert!(!client.is_usable());
        });
    }
    test(async {
        let (_folder, socket) = serve(|mut server| async move { server.greet().await });
        let mut client = connect(&socket).await;
        assert!(matches!(client.event().await, Err(Error::Closed { source: None, .. })));
    });
}

#[test]
fn a_deadline_breaks_the_connection_and_names_the_command() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            let (_, id) = server.command().await;
            server.send(returns(RUNNING, id)).await;
            let _ = server.command().await;
            let _ = server.0.read_line(&mut String::new()).await;
        });
        let mut client = connect(&socket).await;
        let error = client.run_all_within(&(QueryStatus, QueryKvm), SHORT).await.expect_err("it hangs");
        assert!(matches!(error, Error::TimedOut { command: "query-kvm", within: SHORT, .. }), "{error:?}");
        assert!(error.is_broken_connection());
        assert!(matches!(client.run(&QueryStatus).await, Err(Error::Unusable { .. })));
    });
}

#[test]
fn a_call_that_is_dropped_leaves_its_reply_to_nobody() {
    test(async {
        let (_folder, socket) = serve(|mut server| async move {
            server.greet().await;
            let (_, first) = server.command().await;
            let (_, second) = server.command().await;
            server.send(returns("{\"status\": \"late\", \"running\": false}", first)).await;
            server.send(returns(RUNNING, second)).await;
            let _ = server.command().await;
        });
        let mut client = connect(&socket).await;
        let dropped = tokio::time::timeout(SHORT, client.run_within(&QueryStatus, LONG)).await;
        assert!(dropped.is_err());
        let status = client.run_within(&QueryStatus, LONG).await.expect("replies");
        assert_eq!(status.status, "running");
    });
}
