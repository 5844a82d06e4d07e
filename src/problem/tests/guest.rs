use std::io;
use std::time::Duration;

use super::sample::{
    check, denied, failed, file, in_use, missing, not_json, parsed, section, text, texts, web,
};
use crate::agent::{Refusal, RefusalKind};
use crate::guest::Error as SshError;
use crate::libvirt;
use crate::manager::{
    AgentError, ConsoleError, CopyError, CopyRefusal, EndpointError, Error, ExecError, Screen, ScreenError,
    WaitError, WaitObservation,
};
use crate::model::{Condition, ConnectionUri, ShutoffReason, VmState};
use crate::system::process;

#[test]
fn waits() {
    let timeout = Duration::from_secs(300);
    let (condition, seen, serial_log) = (Condition::Ssh, WaitObservation::NoAddress, None::<String>);
    let state = VmState::Shutoff;
    let mut errors = every!(WaitError {
        TimedOut { vm: web(), condition, timeout, seen: seen.clone(), serial_log: serial_log.clone() },
        Stopped { vm: web(), condition, reason: None, state, serial_log: serial_log.clone() },
        CloudInit { vm: web(), errors: texts(&["('scripts_user', ProcessExecutionError)", "apt failed"]) },
        NoCloudInit { vm: web() },
    });
    let conditions = every!(Condition { Ip {}, Ssh {}, Agent {}, CloudInit {}, Stopped {}, Port (80) });
    let timed_out =
        |condition, seen| WaitError::TimedOut { vm: web(), condition, timeout, seen, serial_log: None };
    errors.extend(
        conditions
            .into_iter()
            .map(|(_, condition)| ("TimedOut", timed_out(condition, WaitObservation::Nothing))),
    );
    let states = every!(WaitObservation {
        Nothing {},
        State (VmState::Paused),
        NoAddress {},
        NoAnswer (parsed("10.20.30.5:22")),
        CloudInit { detail: text("running modules:final") },
        NoAccess { agent: text("no guest agent is connected") },
        Error (text("cannot connect to libvirt")),
    });
    errors.extend(states.into_iter().skip(1).map(|(_, seen)| ("TimedOut", timed_out(condition, seen))));
    let reasons = every!(ShutoffReason {
        GuestShutdown {},
        Destroyed {},
        Crashed {},
        Migrated {},
        Saved {},
        Failed {},
        FromSnapshot {},
        Daemon {},
    });
    let stopped =
        |reason| WaitError::Stopped { vm: web(), condition, reason: Some(reason), state, serial_log: None };
    errors.extend(reasons.into_iter().map(|(_, reason)| ("Stopped", stopped(reason))));
    let reach = every!(EndpointError {
        NoNetwork { name: web() },
        NotPublished { name: web(), port: 80 },
        NoAddress { name: web() },
    });
    check("wait", &[section("WaitError", errors), section("EndpointError", reach)]);
}

#[test]
fn commands() {
    let not_started = |missing, is_for_shell| ExecError::NotStarted {
        vm: web(),
        program: text("htop"),
        reason: text("Failed to execute child process"),
        missing,
        is_for_shell,
    };
    let mut errors = every!(ExecError {
        NotStarted {
            vm: web(),
            program: text("ls | wc"),
            reason: text("No such file"),
            missing: true,
            is_for_shell: true,
        },
        OutputLost { vm: web() },
        InputTooLong { limit: 131_072 },
    });
    errors.extend([("NotStarted", not_started(true, false)), ("NotStarted", not_started(false, false))]);
    check("exec", &[section("ExecError", errors)]);
}

#[test]
fn agents() {
    let source = || libvirt::Error::Agent { message: text("QEMU guest agent is not connected") };
    let silent = || libvirt::Error::AgentSilent { message: text("guest agent didn't respond") };
    let refusal = |kind| Refusal { kind, message: text("in the agent's own words") };
    let command = "guest-exec";
    let mut errors = every!(AgentError {
        Absent { source: source() },
        Silent { command, within: Duration::from_secs(5), source: silent() },
        Refused { command, refusal: refusal(RefusalKind::Other) },
        ReplyTooLong { command },
        RequestTooLong { command, length: 200_000 },
        Reply { command, source: not_json() },
        Command { command, source: not_json() },
        ShortWrite { written: 1, length: 49_152 },
        Transport (libvirt::Error::Busy { command: text("virsh qemu-agent-command"), message: text("busy") }),
    });
    let kinds = every!(RefusalKind {
        NoSuchProgram {},
        CannotStart {},
        NoSuchProcess {},
        NoSuchFile {},
        IsDirectory {},
        NoSuchHandle {},
        NoSuchUser {},
        Denied {},
        NoSpace {},
        Disabled {},
        Frozen {},
        UnknownCommand {},
        Unsupported {},
        Other {},
    });
    let refused = |kind| AgentError::Refused { command, refusal: refusal(kind) };
    let kinds = kinds.into_iter().map(|(name, kind)| (name, Error::Agent(refused(kind))));
    let kinds = section("RefusalKind", kinds.collect());
    let errors = errors.drain(..).map(|(name, error)| (name, Error::Agent(error))).collect();
    check("agent", &[section("AgentError", errors), kinds]);
}

#[test]
fn copies() {
    let place = || text("web:/srv/file");
    let refused =
        |reason| CopyError::Refused { place: place(), reason, message: text("tar: Exiting with failure") };
    let errors = every!(CopyError {
        Sides {},
        NotFound { place: place() },
        IsFolder { place: place() },
        WrongKind { place: place() },
        Refused { place: place(), reason: CopyRefusal::Other, message: text("tar: Exiting with failure") },
        CutOff {},
        Stream (io::Error::from_raw_os_error(32)),
        Output (io::Error::from_raw_os_error(28)),
        Host { action: "read", path: "/home/anna/file".into(), source: denied() }
            | { action: "read", path: "/home/anna/file".into(), source: missing() },
    });
    let reasons = every!(CopyRefusal { Denied {}, ToolMissing {}, Other {} });
    let reasons = reasons.into_iter().map(|(name, reason)| (name, refused(reason))).collect();
    check("copy", &[section("CopyError", errors), section("CopyRefusal", reasons)]);
}

#[test]
fn consoles() {
    let path = || text("/var/log/libvirt/qemu/web-serial.log");
    let errors = every!(ConsoleError {
        InUse { name: web() },
        Refused { name: web(), message: text("character device serial0 is not using a PTY") },
        NoLog { name: web() },
        LogUnreadable { path: path(), source: denied() } | { path: path(), source: missing() },
    });
    check("console", &[section("ConsoleError", errors), section("ScreenError", screens())]);
}

fn screens() -> Vec<(&'static str, ScreenError)> {
    let screen = || Screen {
        vm: web(),
        socket: None,
        host: Some(text("127.0.0.1")),
        port: Some(5900),
        password: false,
    };
    let uri = |uri| parsed::<ConnectionUri>(uri);
    let endpoint = || text("/run/user/1000/web.vnc");
    every!(ScreenError {
        NoScreen { name: web() },
        NotHere { screen: screen(), uri: uri("qemu+ssh://root@far/system") }
            | { screen: screen(), uri: uri("qemu+tcp://far/system") },
        NoDisplay { name: web() },
        NoViewer { name: web() },
        Unreachable { name: web(), endpoint: endpoint(), source: denied() }
            | { name: web(), endpoint: endpoint(), source: missing() },
        CannotListen { port: 5901, source: in_use() } | { port: 80, source: denied() },
    })
}

#[test]
fn ssh() {
    let path = || "/home/anna/.ssh/id_ed25519".into();
    let source = || failed("ssh debian@10.20.30.5", "Permission denied (publickey).");
    let errors = every!(SshError {
        NotSignalled { signal: "TERM" },
        File (file(missing())) | (file(denied())),
        Generate (ssh_key::Error::Crypto),
        OwnKeyDamaged { path: path(), source: ssh_key::Error::FormatEncoding },
        PrivateKeyGiven { path: path() },
        NotAPublicKey { path: path(), reason: "it is empty" },
        Process (process::Error::Missing { program: text("ssh") }),
        Unreachable { address: parsed("10.20.30.5:22"), source: source() },
        Denied { user: text("debian"), source: source() },
        HostKeyChanged { source: source() },
    });
    check("ssh", &[section("guest::Error", errors)]);
}
