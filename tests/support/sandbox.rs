//! A private libvirt and everything around it; see the module above for what it promises.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::builder::Builder;
use super::guest::{self, NetworkManagement};
use super::process::{PATH, child_of, send_signal};
use super::run::{Cmd, Run};
use super::skip::Skip;
use super::stopwatch::Stopwatch;
use super::wait::poll;

/// The unprivileged user that every sandbox knows, by the name `vmtester`.
pub const USER: u32 = 4242;

/// Which libvirt a sandbox is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `qemu:///system`, as root.
    System,
    /// `qemu:///session`, as `vmtester`.
    Session,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Session => "session",
        }
    }
}

/// Namespaces with a libvirt in them. Dropped, all of its processes and files are gone.
pub struct Sandbox {
    root: PathBuf,
    kind: Kind,
    holder: Child,
    /// The first process of the namespaces, as seen from outside.
    pid: u32,
    /// Of the test that has this sandbox. Last, for it is to be dropped when all else is gone.
    _stopwatch: Stopwatch,
}

impl Sandbox {
    /// A private system libvirtd, its default network running; commands run as root.
    ///
    /// # Errors
    /// The reason why this machine cannot have one.
    pub fn system() -> Result<Self, Skip> {
        Self::builder().system()
    }

    /// An ordinary user's machine without a system libvirtd; commands run as `vmtester`.
    ///
    /// # Errors
    /// The reason why this machine cannot have one.
    pub fn session() -> Result<Self, Skip> {
        Self::builder().session()
    }

    /// To choose more before it starts.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn new(root: PathBuf, kind: Kind, holder: Child, pid: u32, stopwatch: Stopwatch) -> Self {
        Self { root, kind, holder, pid, _stopwatch: stopwatch }
    }

    /// The program under test, to be run in here.
    pub fn vmtools(&self, args: &[impl AsRef<OsStr>]) -> Cmd {
        self.command(env!("CARGO_BIN_EXE_vmtools"), args)
    }

    /// Any program, to be run in here, as root in a system sandbox and as `vmtester` in a session one.
    pub fn command(&self, program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> Cmd {
        match self.kind {
            Kind::System => self.as_root(program, args),
            Kind::Session => self.as_user(&[], program, args),
        }
    }

    /// Any program as root, whichever the kind.
    pub fn as_root(&self, program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> Cmd {
        self.with_env(Cmd::new(self.enter(), program, args)).env("USER", "root").env("LOGNAME", "root")
    }

    /// Any program as `vmtester`, who is a member of those groups besides.
    pub fn as_user(&self, groups: &[&str], program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> Cmd {
        let mut groups = groups.join(",");
        let mut enter = self.enter();
        enter.extend(["setpriv", "--reuid=4242", "--regid=4242"].map(OsString::from));
        if groups.is_empty() {
            groups.push_str("--clear-groups");
        } else {
            groups.insert_str(0, "--groups=");
        }
        enter.push(groups.into());
        self.with_env(Cmd::new(enter, program, args)).env("USER", "vmtester").env("LOGNAME", "vmtester")
    }

    /// Runs a program to its end and takes it that it succeeds.
    #[track_caller]
    pub fn exec(&self, argv: &[impl AsRef<OsStr>]) -> Run {
        self.command(&argv[0], &argv[1..]).run().success()
    }

    /// Runs a virsh command and takes it that it succeeds.
    #[track_caller]
    pub fn virsh(&self, args: &[&str]) -> Run {
        self.virsh_command(args).run().success()
    }

    /// A virsh command, not run yet.
    pub fn virsh_command(&self, args: &[&str]) -> Cmd {
        let mut all = vec!["-q", "-c", self.uri()];
        all.extend(args);
        self.command("virsh", &all).env("LC_ALL", "C.UTF-8")
    }

    /// The connection of the sandbox's own libvirt.
    pub fn uri(&self) -> &'static str {
        match self.kind {
            Kind::System => "qemu:///system",
            Kind::Session => "qemu:///session",
        }
    }

    /// Whether it is a system's or a session's.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The folder with everything of this sandbox, of the same path inside and outside.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The home of whoever runs the commands.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A folder for temporary files, that a session's user may write.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where a path of the inside lies on the outside.
    pub fn outside(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let bound = [
            ("/run", "run"),
            ("/var/run", "run"),
            ("/etc/libvirt", "etc/libvirt"),
            ("/var/lib/libvirt", "lib"),
            ("/var/log/libvirt", "log"),
            ("/var/cache/libvirt", "cache"),
        ];
        let place = bound
            .iter()
            .find_map(|(from, to)| Some(self.root.join(to).join(inside.strip_prefix(from).ok()?)));
        place.unwrap_or_else(|| inside.to_path_buf())
    }

    /// A copy of the busybox guest's image, this sandbox's own, which its guests may read.
    ///
    /// # Errors
    /// The reason why this machine cannot build it.
    pub fn busybox_image(&self) -> Result<PathBuf, Skip> {
        Ok(self.copy_in(&guest::busybox_image()?, "busybox.qcow2"))
    }

    /// The same of the busybox guest that Secure Boot lets boot.
    ///
    /// # Errors
    /// The reason why this machine cannot build it.
    pub fn signed_image(&self) -> Result<PathBuf, Skip> {
        Ok(self.copy_in(&guest::signed_image()?, "signed.qcow2"))
    }

    /// The same of the Debian guest's. vmtools waits long for guests from then on: emulated beside others, such a one was
    /// seen to boot for ten minutes.
    ///
    /// # Errors
    /// The reason why this machine cannot build it.
    pub fn debian_image(&self) -> Result<PathBuf, Skip> {
        Ok(self.heavy_guest(&guest::debian_image()?))
    }

    /// The same of a Debian guest's whose network is not networkd's.
    ///
    /// # Errors
    /// The reason why this machine cannot build it.
    pub fn debian_image_with(&self, network: NetworkManagement) -> Result<PathBuf, Skip> {
        Ok(self.heavy_guest(&guest::debian_image_with(network)?))
    }

    fn heavy_guest(&self, image: &Path) -> PathBuf {
        for setting in ["wait.timeout=20m", "wait.stop_timeout=10m"] {
            self.vmtools(&["config", "--set", setting]).run().success();
        }
        self.copy_in(image, "debian.qcow2")
    }

    /// Copies a file of the outside to `images/NAME` in here. Never a link: libvirt changes the owner of
    /// images that it uses.
    pub fn copy_in(&self, file: &Path, name: &str) -> PathBuf {
        let place = self.root.join("images").join(name);
        if !place.exists() {
            self.as_root("cp", &["--reflink=auto".as_ref(), file.as_os_str(), place.as_os_str()])
                .run()
                .success();
            if self.kind == Kind::Session {
                chown(&place, Some(USER), Some(USER)).unwrap();
            }
        }
        place
    }

    /// The ends of QEMU's logs and the guests' serial logs, which say why a VM did what it did.
    fn show_logs(&self) {
        let folders = ["log/qemu", "home/.cache/libvirt/qemu/log", "lib/images", "home/.local/share/vmtools"]
            .map(|folder| self.root.join(folder));
        let script = "find \"$@\" -name '*.log' -exec tail -v -n 40 {} + 2>/dev/null";
        let output = Command::new("sh").args(["-c", script, "sh"]).args(&folders).output();
        eprintln!(
            "{}",
            output.map_or_else(|e| e.to_string(), |out| String::from_utf8_lossy(&out.stdout).into())
        );
    }

    fn enter(&self) -> Vec<OsString> {
        let target = format!("--target={}", self.pid);
        ["nsenter", &target, "--mount", "--net", "--uts", "--ipc", "--pid", "setsid"]
            .map(OsString::from)
            .to_vec()
    }

    fn with_env(&self, command: Cmd) -> Cmd {
        let command = command
            .env("PATH", PATH)
            .path_first(&self.root.join("fakes"))
            .env("HOME", self.home())
            .env("TMPDIR", self.tmp())
            .env("LANG", "C.UTF-8")
            .cwd(self.home());
        match self.kind {
            Kind::System => command,
            Kind::Session => command.env("XDG_RUNTIME_DIR", format!("/run/user/{USER}")),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
        drop(self.holder.stdin.take());
        if poll(Duration::from_secs(10), || self.holder.try_wait().ok().flatten()).is_none() {
            send_signal("KILL", i64::from(self.pid));
            if let Some(unshare) = child_of(self.holder.id()) {
                send_signal("KILL", i64::from(unshare));
            }
            let _ = self.holder.wait();
        }
    }
}
