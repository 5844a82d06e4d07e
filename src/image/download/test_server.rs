//! A tiny HTTP server for the tests of this room.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does when asked for a path.
#[derive(Debug, Clone)]
pub(in crate::image) enum Reply {
    Bytes(Vec<u8>),
    /// Sends the bytes after a while.
    Slow(Vec<u8>, Duration),
    Status(u16),
    Redirect(String),
    /// Promises that many bytes, sends these and hangs up.
    Truncated(Vec<u8>, usize),
    /// Promises that many bytes, sends these and then nothing.
    Stall(Vec<u8>, usize),
    /// Sends these bytes without saying how many they are.
    Unsized(Vec<u8>),
}

/// Answers on a port of its own until it is dropped.
pub(in crate::image) struct TestServer {
    base: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<String>>,
    closed: AtomicBool,
}

impl TestServer {
    pub(in crate::image) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let state = shared.clone();
                std::thread::spawn(move || {
                    // A client that hangs up is part of some tests.
                    let _ = stream.and_then(|stream| answer(&stream, &state));
                });
            }
        });
        Self { base, state }
    }

    pub(in crate::image) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(in crate::image) fn put(&self, path: &str, reply: Reply) -> String {
        let mut replies = self.state.replies.lock().expect("lock");
        replies.insert(path.to_owned(), reply);
        self.url(path)
    }

    /// How often the path was asked for.
    pub(in crate::image) fn count(&self, path: &str) -> usize {
        let requests = self.state.requests.lock().expect("lock");
        requests.iter().filter(|asked| *asked == path).count()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.base.trim_start_matches("http://"));
    }
}

fn answer(mut stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    state.requests.lock().expect("lock").push(path.clone());
    let reply = state.replies.lock().expect("lock").get(&path).cloned();
    let mut send = |status: u16, headers: &str, bytes: &[u8]| {
        write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}\r\n")?;
        stream.write_all(bytes)
    };
    let length = |bytes: usize| format!("Content-Length: {bytes}\r\n");
    match reply.unwrap_or(Reply::Status(404)) {
        Reply::Bytes(bytes) => send(200, &length(bytes.len()), &bytes),
        Reply::Slow(bytes, after) => {
            std::thread::sleep(after);
            send(200, &length(bytes.len()), &bytes)
        }
        Reply::Status(status) => send(status, &length(0), b""),
        Reply::Redirect(to) => send(302, &format!("Location: {to}\r\n{}", length(0)), b""),
        Reply::Truncated(bytes, promised) => send(200, &length(promised), &bytes),
        Reply::Unsized(bytes) => send(200, "", &bytes),
        Reply::Stall(bytes, promised) => {
            send(200, &length(promised), &bytes)?;
            while !state.closed.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
    }
}
