//! libvirt's daemon, held in the midst of its work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::background::Background;
use super::sandbox::Sandbox;
use super::shim::write_script;
use super::wait::wait_for;

const MINUTE: Duration = Duration::from_secs(60);

/// A daemon whose steps can be held, one at a time: those of which it tells its hook for QEMU, such as `stopped end`; its
/// calls to qemu-img, such as `qemu-img snapshot*`; and, as `qemu-system*`, a domain's QEMU that it has started and that
/// does nothing yet.
pub struct HoldableDaemon<'a> {
    sandbox: &'a Sandbox,
    folder: PathBuf,
}

/// A step of the daemon's that is held until it is let go, or this goes out of scope.
pub struct HeldStep<'a> {
    folder: &'a PathBuf,
}

impl<'a> HoldableDaemon<'a> {
    /// Starts the sandbox's daemon anew: it looks for hooks and qemu-img only then.
    #[track_caller]
    pub fn start(sandbox: &'a Sandbox) -> Self {
        let folder = sandbox.tmp().join("held-daemon");
        fs::create_dir_all(&folder).unwrap();
        let hold = |step: &str| {
            format!(
                "step={step}\nread -r held 2>/dev/null <{0}/step && case $step in $held) : >{0}/held
                until [ -e {0}/go ]; do sleep 0.05; done ;; esac",
                folder.display()
            )
        };
        let hooks = sandbox.outside("/etc/libvirt/hooks");
        fs::create_dir_all(&hooks).unwrap();
        fs::set_permissions(&hooks, fs::Permissions::from_mode(0o755)).unwrap();
        write_script(&hooks.join("qemu"), &format!("cat >/dev/null\n{}\nexit 0", hold("\"$2 $3\"")));
        // What a daemon that was killed meanwhile wanted is not done.
        let qemu_img = "kill -0 $PPID 2>/dev/null || exit 1\nexec /usr/bin/qemu-img \"$@\"";
        sandbox.fake_tool("qemu-img", &format!("{}\n{qemu_img}", hold("\"qemu-img $*\"")));
        write_script(
            &folder.join("qemu-system-x86_64"),
            &format!("{}\nexec /usr/bin/qemu-system-x86_64 \"$@\"", hold("\"qemu-system $*\"")),
        );
        // QEMU is another user's.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        sandbox.libvirtd_stop();
        sandbox.libvirtd_start();
        Self { sandbox, folder }
    }

    /// Holds the daemon at the first step that begins as this pattern of the shell says.
    pub fn hold(&self, step: &str) -> HeldStep<'_> {
        for file in ["held", "go"] {
            let _ = fs::remove_file(self.folder.join(file));
        }
        fs::write(self.folder.join("step"), format!("{step}*\n")).unwrap();
        HeldStep { folder: &self.folder }
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &'a Sandbox {
        self.sandbox
    }

    /// Has the domain, which is shut off, run by a QEMU that can be held.
    #[track_caller]
    pub fn hold_qemu_of(&self, domain: &str) {
        let xml = self.sandbox.virsh(&["dumpxml", "--inactive", "--security-info", domain]).stdout;
        let (before, rest) = xml.split_once("<emulator>").unwrap();
        let (_, after) = rest.split_once("</emulator>").unwrap();
        let emulator = self.folder.join("qemu-system-x86_64");
        let xml = format!("{before}<emulator>{}</emulator>{after}", emulator.display());
        let define = self.sandbox.command("virsh", &["-c", self.sandbox.uri(), "define", "/dev/stdin"]);
        define.stdin(xml).run().success();
    }
}

impl HeldStep<'_> {
    /// Waits until the daemon has come to the step for that command.
    #[track_caller]
    pub fn await_step(&self, running: &mut Background) {
        let held = self.folder.join("held");
        wait_for("the step", MINUTE * 5, || (held.exists() || !running.is_running()).then_some(()));
        assert!(held.exists(), "it ended before the step: {}{}", running.stdout(), running.stderr());
    }

    /// Lets it go on, and holds nothing any more.
    pub fn go_on(&self) {
        let _ = fs::remove_file(self.folder.join("step"));
        let _ = fs::write(self.folder.join("go"), "");
    }
}

impl Drop for HeldStep<'_> {
    fn drop(&mut self) {
        self.go_on();
    }
}
