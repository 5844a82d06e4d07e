//! Commands that are held at their calls to virsh, and whose calls are counted.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::background::Background;
use super::run::Run;
use super::sandbox::Sandbox;
use super::shim::write_script;
use super::wait::{poll, wait_for};

const MINUTE: Duration = Duration::from_secs(60);

/// virsh's commands that change something.
const CHANGES: &str = "define|undefine|create|destroy|start|shutdown|suspend|resume|domrename|metadata|setmem|\
    setvcpus|setmaxmem|autostart|attach-*|detach-*|update-device|change-media|vol-create*|vol-upload|vol-delete|\
    vol-resize|vol-clone|pool-define*|pool-create*|pool-build|pool-start|pool-destroy|pool-undefine|net-define|\
    net-create|net-start|net-destroy|net-undefine|net-update|net-autostart";

/// Where a command is held: before its n-th command to virsh, or its n-th that changes something.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// Nowhere: its commands are only counted.
    Never,
    /// Before its n-th command.
    AtCommand(usize),
    /// Before its n-th command that changes something.
    AtChange(usize),
}

/// Calls to virsh of one kind, by all commands in the sandbox, that are held: each is passed on, and what comes after it
/// waits. What asked for it is at it, then, or has its answer, and can't come to its end.
pub struct HeldCalls<'a> {
    sandbox: &'a Sandbox,
    folder: PathBuf,
}

/// Whether a call is passed on before what follows it is held, or is held itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passing {
    /// It is under way, or done.
    Passed,
    /// virsh has not been told.
    Kept,
}

impl<'a> HeldCalls<'a> {
    /// From now on until they are let go, or this goes out of scope: those that begin as this pattern of the shell says.
    pub fn hold(sandbox: &'a Sandbox, calls: &str, passing: Passing) -> Self {
        let folder = sandbox.tmp().join("held-calls");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let pass = r#"printf '%s\n' "$line""#;
        let wait = format!(
            "case $line in {}*) : >{1}/held; until [ -e {1}/go ]; do sleep 0.05; done ;; esac",
            calls.replace(' ', "\\ "),
            folder.display()
        );
        // What a process that was killed meanwhile wanted is never told.
        let keep = format!("{wait}\nkill -0 $PPID 2>/dev/null || exit 1");
        let steps = match passing {
            Passing::Passed => [pass, &wait],
            Passing::Kept => [&keep, pass],
        };
        let script =
            format!("while IFS= read -r line; do\n{}\ndone | exec /usr/bin/virsh \"$@\"", steps.join("\n"));
        sandbox.fake_tool("virsh", &script);
        Self { sandbox, folder }
    }

    /// Waits until the command has come to such a call.
    #[track_caller]
    pub fn await_call(&self, running: &mut Background) {
        let held = self.folder.join("held");
        wait_for("the call", MINUTE * 10, || (held.exists() || !running.is_running()).then_some(()));
        assert!(held.exists(), "it ended before the call: {}", running.stderr());
    }

    /// Lets all go on.
    pub fn go_on(&self) {
        fs::write(self.folder.join("go"), "").unwrap();
    }
}

impl Drop for HeldCalls<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("go"), "");
        self.sandbox.real_tool("virsh");
    }
}

/// A command that can be held at its calls to virsh.
pub struct Held {
    running: Background,
    folder: PathBuf,
}

impl Held {
    /// Starts it. `side` tells the two of a race apart.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, side: &str, args: &[&str], hold: Hold) -> Self {
        let folder = sandbox.tmp().join(format!("hold-{side}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let (commands, changes) = match hold {
            Hold::Never => (0, 0),
            Hold::AtCommand(at) => (at, 0),
            Hold::AtChange(at) => (0, at),
        };
        let script = format!(
            "#!/bin/bash\ncd {}\ncount() {{ local n; n=$(($(cat \"$1\" 2>/dev/null) + 1)); echo $n >\"$1\"
                [ $n != \"$2\" ] || {{ : >held; until [ -e go ]; do sleep 0.02; done; }}; }}
            while IFS= read -r line; do
                case $line in echo\\ *) ;; *)
                    count commands {commands}
                    case ${{line%% *}} in {CHANGES}) count changes {changes} ;; esac ;;
                esac
                printf '%s\\n' \"$line\"
            done | exec /usr/bin/virsh \"$@\"",
            folder.display()
        );
        write_script(&folder.join("virsh"), &script);
        let command = sandbox.vmtools(args).path_first(&folder);
        Self { running: command.spawn(), folder }
    }

    /// Waits until it is where it is to be held, or has ended before.
    pub fn await_hold(&mut self) {
        let held = self.folder.join("held");
        poll(MINUTE, || (held.exists() || !self.running.is_running()).then_some(()));
    }

    /// Waits until it has ended, or waits itself for what another command has claimed. It may wait without a word, too.
    pub fn await_end_or_claim(&mut self) {
        let waits = "waiting for another vmtools command";
        poll(Duration::from_secs(2), || {
            (!self.running.is_running() || self.running.stderr().contains(waits)).then_some(())
        });
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.running.is_running()
    }

    /// The command itself, to be sent signals.
    pub fn background(&mut self) -> &mut Background {
        &mut self.running
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        fs::write(self.folder.join("go"), "").unwrap();
    }

    /// Lets it go on and waits for its end; past the deadline it is killed, and its status tells that.
    #[track_caller]
    pub fn finish(mut self, deadline: Duration) -> Asked {
        self.go_on();
        if poll(deadline, || (!self.running.is_running()).then_some(())).is_none() {
            self.running.signal("KILL");
        }
        let run = self.running.wait(MINUTE);
        let count = |name: &str| {
            fs::read_to_string(self.folder.join(name)).ok().and_then(|text| text.trim().parse().ok())
        };
        let (commands, changes) = (count("commands").unwrap_or(0), count("changes").unwrap_or(0));
        Asked { run, commands, changes }
    }
}

/// A run, and what it asked virsh for.
#[derive(Debug)]
pub struct Asked {
    /// The run itself.
    pub run: Run,
    /// How many commands.
    pub commands: usize,
    /// How many of them change something.
    pub changes: usize,
}
