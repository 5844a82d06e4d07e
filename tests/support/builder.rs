//! How a sandbox comes to be: what is chosen, and the processes that hold it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::guest::cache_dir;
use super::process::{PATH, find_program, is_root};
use super::sandbox::{Kind, Sandbox};
use super::skip::Skip;
use super::stopwatch::Stopwatch;

const HOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/holder.sh");

/// The state of the network named `default`, in a system sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Not defined.
    None,
    /// Defined, not started.
    Defined,
    /// Running, and starting with the daemon.
    Started,
}

/// What may be chosen of a sandbox before it starts.
pub struct Builder {
    network: Network,
    hidden: Vec<String>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { network: Network::Started, hidden: Vec::new() }
    }

    /// The default network's state; started unless told.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Hides a program: its file is there, but empty and not executable.
    #[must_use]
    pub fn without(mut self, program: &str) -> Self {
        self.hidden.push(program.to_string());
        self
    }

    /// Hides passt, so that user-mode networking is slirp's.
    #[must_use]
    pub fn without_passt(self) -> Self {
        self.without("passt").without("passt.avx2")
    }

    /// A private system libvirtd; commands run as root.
    ///
    /// # Errors
    /// The reason why this machine cannot have one.
    pub fn system(self) -> Result<Sandbox, Skip> {
        require(&["libvirtd", "virtlogd", "virsh", "qemu-img", "dnsmasq"])?;
        self.start(Kind::System)
    }

    /// No system libvirtd at all; commands run as an ordinary user, with `qemu:///session`.
    ///
    /// # Errors
    /// The reason why this machine cannot have one.
    pub fn session(self) -> Result<Sandbox, Skip> {
        require(&["libvirtd", "virsh", "qemu-img"])?;
        self.start(Kind::Session)
    }

    fn start(self, kind: Kind) -> Result<Sandbox, Skip> {
        if !is_root() {
            return Err(Skip("needs root, for namespaces".to_string()));
        }
        require(&["unshare", "nsenter", "setpriv", "setsid", "ip", "mount", "bash"])?;
        let stopwatch = Stopwatch::start();
        let root = make_root();
        let network = match self.network {
            Network::None => "none",
            Network::Defined => "defined",
            Network::Started => "started",
        };
        let mut holder = spawn_holder(&root, kind, network, &self.hidden);
        match await_ready(&mut holder) {
            Ok(pid) => Ok(Sandbox::new(root, kind, holder, pid, stopwatch)),
            Err(reason) => {
                drop(holder.stdin.take());
                let _ = holder.wait();
                Err(Skip(reason))
            }
        }
    }
}

fn require(programs: &[&str]) -> Result<(), Skip> {
    match programs.iter().find(|name| find_program(name).is_none()) {
        Some(missing) => Err(Skip(format!("needs {missing}"))),
        None => Ok(()),
    }
}

/// A new folder of a short name, for socket paths have 107 bytes.
fn make_root() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("vmt-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let root = std::env::temp_dir().join(name);
    for dir in ["run", "etc", "home", "tmp", "images", "fakes"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    let set =
        |dir: &str, mode| fs::set_permissions(root.join(dir), fs::Permissions::from_mode(mode)).unwrap();
    // Guests run as another user, who must get through; a home is its owner's alone.
    set("", 0o755);
    set("images", 0o755);
    set("home", 0o700);
    root
}

/// A shell that waits for the namespaces' end and then removes the folder. It outlives this process,
/// whatever ends that; the end of its stdin is the sandbox's end.
fn spawn_holder(root: &Path, kind: Kind, network: &str, hidden: &[String]) -> Child {
    Command::new("sh")
        .args(["-c", "\"$@\"; status=$?; rm -rf \"$0\"; exit $status"])
        .arg(root)
        .args([
            "unshare",
            "--mount",
            "--net",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "bash",
            HOLDER,
        ])
        .arg(root)
        .args([kind.word(), network])
        .arg(cache_dir().join(format!("capabilities-{}", kind.word())))
        .args(hidden)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C is for the test runner, not for what cleans up after it.
        .process_group(0)
        .spawn()
        .unwrap()
}

/// The process id of the namespaces' first process, once all stands.
fn await_ready(holder: &mut Child) -> Result<u32, String> {
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let mut errors = holder.stderr.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut pid = 0;
    loop {
        match receiver.recv_timeout(Duration::from_secs(60)) {
            Ok(line) if line == "ready" => return Ok(pid),
            Ok(line) => pid = line.strip_prefix("pid ").and_then(|pid| pid.parse().ok()).unwrap_or(pid),
            Err(RecvTimeoutError::Timeout) => {
                return Err("the sandbox took over a minute to start".to_string());
            }
            Err(RecvTimeoutError::Disconnected) => {
                let mut text = String::new();
                let _ = errors.read_to_string(&mut text);
                return Err(format!("the sandbox does not start: {}", text.trim()));
            }
        }
    }
}
