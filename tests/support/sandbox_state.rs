//! What stands in a sandbox, for checks of what is left over, and its daemon's troubles.

use std::path::Path;
use std::time::Duration;

use super::run::Run;
use super::sandbox::{Kind, Sandbox, USER};
use super::skip::Skip;
use super::wait::{poll, wait_for};

impl Sandbox {
    /// The names of all domains, sorted.
    #[track_caller]
    pub fn domains(&self) -> Vec<String> {
        let mut names = self.virsh(&["list", "--all", "--name"]).lines();
        names.sort();
        names
    }

    /// A domain's state, as `virsh domstate` words it.
    #[track_caller]
    pub fn state(&self, domain: &str) -> String {
        self.virsh(&["domstate", domain]).stdout.trim().to_string()
    }

    /// The files in all of libvirt's folder pools, as full paths, sorted.
    #[track_caller]
    pub fn volumes(&self) -> Vec<String> {
        let mut files = Vec::new();
        for pool in self.virsh(&["pool-list", "--all", "--name"]).lines() {
            let xml = self.virsh(&["pool-dumpxml", &pool]).stdout;
            let path = xml.split("<path>").nth(1).and_then(|rest| rest.split("</path>").next());
            if let Some(path) = path {
                files.extend(self.files_under(path).iter().map(|file| format!("{path}/{file}")));
            }
        }
        files.sort();
        files
    }

    /// All but folders below a folder of the inside, as paths relative to it, sorted; none if it is not there.
    #[track_caller]
    pub fn files_under(&self, dir: impl AsRef<Path>) -> Vec<String> {
        let script = "[ ! -e \"$0\" ] || find \"$0\" -mindepth 1 ! -type d -printf '%P\\n'";
        let dir = dir.as_ref().as_os_str();
        let mut files = self.as_root("sh", &["-c".as_ref(), script.as_ref(), dir]).run().success().lines();
        files.sort();
        files
    }

    /// The command lines of all processes in here but the holder and the question itself.
    #[track_caller]
    pub fn processes(&self) -> Vec<String> {
        let listed = self.as_root("ps", &["-eo", "pid=,args="]).run().success();
        let mine = |line: &String| !line.starts_with("1 ") && !line.contains("ps -eo pid=,args=");
        let command =
            |line: String| line.split_once(' ').map_or(String::new(), |(_, args)| args.trim().to_string());
        listed.lines().into_iter().filter(mine).map(command).collect()
    }

    /// Ends the daemon and waits for that. In a session sandbox the next virsh starts it anew.
    #[track_caller]
    pub fn libvirtd_stop(&self) {
        self.signal_libvirtd("TERM").success();
        // It now and then takes half a minute over its farewell: five seconds do for a test.
        if poll(Duration::from_secs(5), || (!self.libvirtd_lives()).then_some(())).is_none() {
            self.libvirtd_kill();
        }
    }

    /// Kills the daemon, as a crash would.
    #[track_caller]
    pub fn libvirtd_kill(&self) {
        self.signal_libvirtd("KILL");
        wait_for("libvirtd's end", Duration::from_secs(10), || (!self.libvirtd_lives()).then_some(()));
    }

    /// Starts the system's daemon; returns when it answers.
    #[track_caller]
    pub fn libvirtd_start(&self) {
        if self.kind() == Kind::System {
            self.as_root("libvirtd", &["-d"]).run().success();
        }
    }

    /// Makes the daemon hang: its socket is there and takes connections, but nothing answers.
    #[track_caller]
    pub fn libvirtd_freeze(&self) {
        self.signal_libvirtd("STOP").success();
    }

    /// Lets a frozen daemon go on.
    #[track_caller]
    pub fn libvirtd_thaw(&self) {
        self.signal_libvirtd("CONT").success();
    }

    /// Mounts a memory file system of that size (`16M`) on a folder, which may be the folder of a full disk.
    #[track_caller]
    pub fn tmpfs_at(&self, dir: impl AsRef<Path>, size: &str) {
        let dir = dir.as_ref().as_os_str();
        let owner = if self.kind() == Kind::Session { USER } else { 0 };
        let options = format!("size={size},mode=0755,uid={owner},gid={owner}");
        let script = "mkdir -p \"$0\" && mount -t tmpfs -o \"$1\" tmpfs \"$0\"";
        self.as_root("sh", &["-c".as_ref(), script.as_ref(), dir, options.as_ref()]).run().success();
    }

    /// Mounts a file system whose files can share their data on a folder. It goes with the sandbox' namespaces.
    ///
    /// # Errors
    /// The reason why this machine cannot have one.
    pub fn reflinks_at(&self, dir: impl AsRef<Path>) -> Result<(), Skip> {
        // The nodes of /dev may be a copy that lacks a loop device which the kernel has just made.
        let script = "truncate -s 1G \"$0.xfs\" && mkfs.xfs -q -m reflink=1 \"$0.xfs\" && mkdir -p \"$0\" &&
            loop=$(losetup --find) && { [ -e \"$loop\" ] || mknod \"$loop\" b 7 \"${loop#/dev/loop}\"; } &&
            mount -o loop \"$0.xfs\" \"$0\" && chmod 711 \"$0\"";
        let run = self.as_root("sh", &["-c".as_ref(), script.as_ref(), dir.as_ref().as_os_str()]).run();
        if run.status.success() {
            return Ok(());
        }
        let said = run.stderr.trim();
        Err(Skip(format!(
            "needs mkfs.xfs, a kernel with xfs and loop devices, which a CI machine may lack: {said}"
        )))
    }

    fn libvirtd_lives(&self) -> bool {
        let script = "kill -0 \"$(cat \"$0\")\" 2>/dev/null";
        self.as_root("sh", &["-c", script, &self.pid_file()]).run().status.success()
    }

    fn signal_libvirtd(&self, signal: &str) -> Run {
        self.as_root("sh", &["-c", "kill -\"$1\" \"$(cat \"$0\")\"", &self.pid_file(), signal]).run()
    }

    fn pid_file(&self) -> String {
        match self.kind() {
            Kind::System => "/run/libvirtd.pid".to_string(),
            Kind::Session => format!("/run/user/{USER}/libvirt/libvirtd.pid"),
        }
    }
}
