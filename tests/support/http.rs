//! A real HTTP/1.1 server for downloads: it serves a folder, counts requests, and fails as told.
//!
//! [`HttpServer::start`] listens on the test's own 127.0.0.1. For a sandbox, whose 127.0.0.1 is another,
//! [`super::Sandbox::serve`] runs the same server as a process in there: this very test binary, asked for
//! the ignored test below. So it works in binaries with the standard harness only.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::http_reply::{Request, reply};
use super::sandbox::Sandbox;
use super::tls::{Authority, Tls, encrypted};

const INSIDE: &str = "VMTOOLS_TEST_SERVE";

/// The process's answer to a line of its stdin.
const TAKEN: &str = "taken";

/// How the server mistreats a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 404.
    NotFound,
    /// 503.
    Unavailable,
    /// The true length is announced, so many bytes are sent, then the connection ends.
    Truncate(u64),
    /// So many bytes are sent, then nothing, and the connection stays open.
    Stall(u64),
    /// 200 with a page of HTML, as a captive portal gives.
    Html,
    /// 302 to that address or path.
    Redirect(String),
    /// No range requests: the whole file with 200, whatever was asked.
    NoRanges,
    /// No ETag: nothing tells one version of the file from another.
    NoValidator,
    /// About 6 MiB a second.
    Slow,
}

impl Fault {
    fn to_line(&self) -> String {
        match self {
            Self::NotFound => "not-found".to_string(),
            Self::Unavailable => "unavailable".to_string(),
            Self::Truncate(n) => format!("truncate {n}"),
            Self::Stall(n) => format!("stall {n}"),
            Self::Html => "html".to_string(),
            Self::Redirect(to) => format!("redirect {to}"),
            Self::NoRanges => "no-ranges".to_string(),
            Self::NoValidator => "no-validator".to_string(),
            Self::Slow => "slow".to_string(),
        }
    }

    fn from_line(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "not-found" => Self::NotFound,
            "unavailable" => Self::Unavailable,
            "truncate" => Self::Truncate(rest.parse().ok()?),
            "stall" => Self::Stall(rest.parse().ok()?),
            "html" => Self::Html,
            "redirect" => Self::Redirect(rest.to_string()),
            "no-ranges" => Self::NoRanges,
            "no-validator" => Self::NoValidator,
            "slow" => Self::Slow,
            _ => return None,
        })
    }
}

pub(super) type Faults = Arc<Mutex<BTreeMap<String, Fault>>>;

/// Takes each request, before it is answered: who has the answer finds its request among those counted.
type Record = Arc<dyn Fn(String) + Send + Sync>;

/// A running server. One inside a sandbox ends when this is dropped, one here with the test.
pub struct HttpServer {
    scheme: &'static str,
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    process: Process,
    telling: Mutex<()>,
}

enum Process {
    Here { faults: Faults },
    Inside { child: Child },
}

impl HttpServer {
    /// Serves a folder on this process's own 127.0.0.1.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, None)
    }

    /// The same by https, with a certificate of that authority for 127.0.0.1.
    pub fn start_tls(dir: &Path, authority: &Authority) -> Self {
        Self::start_with(dir, Some(authority.server_config()))
    }

    fn start_with(dir: &Path, tls: Option<Tls>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Arc::new(Mutex::new(Vec::new()));
        let faults = Faults::default();
        let log = Arc::clone(&requests);
        let record: Record = Arc::new(move |line| log.lock().unwrap().push(line));
        let address = serve(dir.to_path_buf(), Arc::clone(&faults), record, tls);
        Self { scheme, address, requests, process: Process::Here { faults }, telling: Mutex::default() }
    }

    /// The address of a path: `http://127.0.0.1:PORT/PATH`, or with `https`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}/{}", self.scheme, self.address, path.trim_start_matches('/'))
    }

    /// How often a path was asked for, by GET or HEAD.
    pub fn count(&self, path: &str) -> usize {
        let wanted = format!("/{}", path.trim_start_matches('/'));
        self.requests().iter().filter(|line| line.split(' ').nth(1) == Some(&wanted)).count()
    }

    /// All requests that were answered so far, as `METHOD PATH` or `METHOD PATH RANGE`.
    pub fn requests(&self) -> Vec<String> {
        if let Process::Inside { child } = &self.process {
            // A fault of no path: only the answer is waited for.
            self.tell(child, "/ none");
        }
        self.requests.lock().unwrap().clone()
    }

    /// Mistreats a path from now on; `None` ends that.
    pub fn fault(&mut self, path: &str, fault: Option<Fault>) {
        let path = format!("/{}", path.trim_start_matches('/'));
        match &self.process {
            Process::Here { faults } => set_fault(faults, path, fault),
            Process::Inside { child } => {
                let fault = fault.map_or("none".to_string(), |fault| fault.to_line());
                self.tell(child, &format!("{path} {fault}"));
            }
        }
    }

    /// Tells the process a fault, and waits until it has answered. Its lines come in order: with the answer,
    /// all requests that it recorded before are here.
    fn tell(&self, child: &Child, line: &str) {
        let _one_at_a_time = self.telling.lock().unwrap();
        let before = self.requests.lock().unwrap().len();
        writeln!(child.stdin.as_ref().unwrap(), "{line}").unwrap();
        super::wait_for("the server's answer", Duration::from_secs(30), || {
            let mut seen = self.requests.lock().unwrap();
            let at = (before..seen.len()).find(|&i| seen[i] == TAKEN)?;
            seen.remove(at);
            Some(())
        });
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Process::Inside { child } = &mut self.process {
            // The end of its stdin is its end.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Sandbox {
    /// Serves a folder on the sandbox's own 127.0.0.1.
    pub fn serve(&self, dir: &Path) -> HttpServer {
        let test = format!(
            "{}::serves_inside_a_sandbox",
            module_path!().split_once("::").map_or("", |(_, rest)| rest)
        );
        let args = ["--exact", &test, "--ignored", "--nocapture", "--quiet"];
        let mut child = self
            .as_root(std::env::current_exe().unwrap(), &args)
            .env(INSIDE, dir)
            .to_command()
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, (sender, receiver)) = (Arc::clone(&requests), mpsc::channel());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("@listening ") {
                    let _ = sender.send(address.parse().unwrap());
                } else if let Some(request) = line.strip_prefix("@request ") {
                    log.lock().unwrap().push(request.to_string());
                }
            }
        });
        let address =
            receiver.recv_timeout(Duration::from_secs(30)).expect("the server in the sandbox starts");
        let process = Process::Inside { child };
        HttpServer { scheme: "http", address, requests, process, telling: Mutex::default() }
    }
}

/// Not a test: the server's process in a sandbox. Without its variable it does nothing.
#[test]
#[ignore = "the HTTP server's own process, started by Sandbox::serve"]
fn serves_inside_a_sandbox() {
    let Some(dir) = std::env::var_os(INSIDE) else { return };
    let faults = Faults::default();
    let say: Record = Arc::new(|line| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    });
    let tell = Arc::clone(&say);
    let record: Record = Arc::new(move |line| tell(format!("@request {line}")));
    let address = serve(dir.into(), Arc::clone(&faults), Arc::clone(&record), None);
    // Begins a line of its own, for the harness has printed something.
    say(format!("\n@listening {address}"));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        if let Some((path, fault)) = line.split_once(' ') {
            set_fault(&faults, path.to_string(), Fault::from_line(fault));
            record(TAKEN.to_string());
        }
    }
}

fn set_fault(faults: &Faults, path: String, fault: Option<Fault>) {
    let mut faults = faults.lock().unwrap();
    match fault {
        Some(fault) => faults.insert(path, fault),
        None => faults.remove(&path),
    };
}

/// Listens on a free port, a thread each connection. It ends with the process.
fn serve(dir: PathBuf, faults: Faults, record: Record, tls: Option<Tls>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (dir, faults, record) = (dir.clone(), Arc::clone(&faults), Arc::clone(&record));
            let tls = tls.clone();
            std::thread::spawn(move || match tls {
                None => connection(stream, &dir, &faults, &record),
                Some(tls) => connection(encrypted(stream, tls), &dir, &faults, &record),
            });
        }
    });
    address
}

fn connection(stream: impl Read + Write, dir: &Path, faults: &Faults, record: &Record) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        record(request.to_string());
        let fault = faults.lock().unwrap().get(&request.path).cloned();
        if !reply(reader.get_mut(), &request, dir, fault.as_ref()).unwrap_or(false) {
            return;
        }
    }
}
