use std::time::Duration;

use super::sample::{check, denied, failed, file, in_use, section, text, texts, web};
use crate::config::{self, Position};
use crate::host;
use crate::libvirt::{self, Object, RefusalReason};
use crate::manager::{Error, Left, Remnant};
use crate::model::{Invalid, Uuid};
use crate::system::process;

#[test]
fn libvirt() {
    use libvirt::Error as LibvirtError;
    let command = || text("virsh start web");
    let message = || text("in libvirt's own words");
    let uri = || text("qemu:///system");
    let mut errors = every!(LibvirtError {
        NotFound { object: Object::Domain, name: text("wbe"), nearest: texts(&["web", "web2"]) },
        Exists { object: Object::Domain, name: web() } | { object: Object::Network, name: text("lab") },
        FileExists { path: text("/srv/web.qcow2") },
        FileMissing { path: text("/srv/web.qcow2") },
        OtherVolume { pool: text("vmtools"), name: text("v"), path: text("/srv/a"), recorded: text("/srv/b") },
        WrongState { command: command(), message: message() },
        Unreachable { uri: uri(), message: message() }
            | { uri: text("qemu:///session"), message: message() }
            | { uri: text("qemu+ssh://far/system"), message: message() },
        Denied { uri: uri(), message: message() },
        Busy { command: command(), message: message() },
        Agent { message: message() },
        AgentSilent { message: message() },
        AgentRefused { message: message() },
        AgentAnswerTooLong {},
        NoSpace { command: command(), message: message() },
        Unsupported { command: command(), message: message() },
        NoTpm { message: message() },
        NoFirmware { message: message() },
        TimedOut { uri: uri(), command: command(), deadline: Duration::from_secs(60) },
        Lost { uri: uri(), command: command(), message: message() }
            | { uri: uri(), command: command(), message: String::new() },
        Refused { command: command(), message: message(), reason: RefusalReason::Other },
        Unquotable { text: text("a\u{1}b") },
        NotKept { value: text("/srv/a\tb") },
        Unexpected { command: command(), reason: text("it has no uuid") },
        File (file(denied())),
        Process (process::Error::Missing { program: text("virsh") }),
    });
    let objects = every!(Object {
        Domain {},
        Network {},
        Pool {},
        Volume {},
        Snapshot {},
        Reservation {},
        Metadata {},
        Device {},
    });
    let missing = |object, name: &str| ("NotFound", LibvirtError::missing(object, name));
    errors.extend(objects.into_iter().map(|(_, object)| missing(object, "x")));
    errors.push(missing(Object::Network, "default"));
    let reasons = every!(RefusalReason {
        PermissionDenied {},
        NoPciSlot {},
        LogDaemonDown {},
        Dnsmasq {},
        Passt {},
        SubnetInUse {},
        ConsoleInUse {},
        ImageLocked {},
        MemoryUnwritten {},
        Other {},
    });
    let refused = |reason| LibvirtError::Refused { command: command(), message: message(), reason };
    let reasons = reasons.into_iter().map(|(name, reason)| (name, refused(reason))).collect();
    check("libvirt", &[section("libvirt::Error", errors), section("RefusalReason", reasons)]);
}

#[test]
fn configuration() {
    use config::Error as ConfigError;
    let at = || Position { file: "/home/anna/.config/vmtools/config.toml".into(), line: 3, column: 10 };
    let (key, value, reason) =
        (|| text("defaults.memory"), || text("\"lots\""), || text("expected 4096 or 4G"));
    let errors = every!(ConfigError {
        NoHome {},
        File (file(denied())) | (file(std::io::Error::from_raw_os_error(21))),
        Syntax { at: at(), message: text("expected `=`") },
        Value { at: at(), key: key(), value: value(), reason: reason() },
        Refused { key: key(), value: text("lots"), reason: reason() },
        UnknownKey { key: text("defaults.memroy"), nearest: vec![key()] } | { key: text("x"), nearest: vec![] },
        UnknownTemplate { name: text("ubunto"), nearest: texts(&["ubuntu"]) } | { name: text("x"), nearest: vec![] },
        TemplateName (Invalid::new("template name", "a b", "it has a space")),
        Cycle { chain: texts(&["a", "b", "a"]) },
        NoTemplateFile { path: "./x.toml".into() },
        TemplateExists { path: "/home/anna/.config/vmtools/templates/x.toml".into() },
    });
    check("config", &[section("config::Error", errors)]);
}

#[test]
fn the_host() {
    use host::Error as HostError;
    use process::Error as ProcessError;
    let command = || text("qemu-img info disk.qcow2");
    let failure = |status, signal, stdout, stderr| process::Failure {
        command: command(),
        status,
        signal,
        stdout: text(stdout),
        stderr: text(stderr),
    };
    let errors = every!(HostError {
        File (file(denied())),
        Malformed { path: "/proc/meminfo".into(), what: "free memory" },
        FreeSpace { path: "/srv".into(), source: denied() },
        NoFreePort (in_use()),
        Shell (ProcessError::Missing { program: text("sh") }),
        Viewer (failed("remote-viewer", "cannot open display")),
        Background (ProcessError::Missing { program: text("/proc/self/exe") }),
    });
    let programs = every!(ProcessError {
        Missing { program: text("virsh") },
        Io { command: command(), source: denied() },
        TimedOut { command: command(), deadline: Duration::from_secs(10) },
        TooMuchOutput { command: command(), limit: 1 << 26 },
        Failed (failure(Some(1), None, "out", "err"))
            | (failure(None, Some(9), "out", ""))
            | (failure(None, None, "", "")),
    });
    let programs = programs.into_iter().map(|(name, error)| (name, libvirt::Error::Process(error)));
    check("host", &[section("host::Error", errors), section("process::Error", programs.collect())]);
}

/// Those that have no enum of their own.
#[test]
fn others() {
    // A noun that is new here gets a snapshot of its own.
    let _ = |error: &Error| match error {
        Error::Vm(_) | Error::Create(_) | Error::Resource(_) | Error::Clone(_) | Error::Storage(_) => {}
        Error::Disk(_)
        | Error::Network(_)
        | Error::Snapshot(_)
        | Error::Revert(_)
        | Error::Images(_)
        | Error::Wait(_)
        | Error::Endpoint(_) => {}
        Error::Exec(_) | Error::Agent(_) | Error::Copy(_) | Error::Console(_) | Error::Screen(_) => {}
        Error::Libvirt(_) | Error::Config(_) | Error::Image(_) | Error::Seed(_) | Error::Host(_) => {}
        Error::Guest(_) | Error::Warm(_) | Error::Fork(_) => {}
        // These are here.
        Error::Invalid(_) | Error::Claimed { .. } | Error::Interrupted | Error::LeftBehind { .. } => {}
    };
    let mut errors = vec![
        ("Invalid", Error::from(Invalid::new("VM name", "a b", "it has a space"))),
        ("Claimed", Error::Claimed { name: web() }),
        ("Interrupted", Error::Interrupted),
    ];
    let uuid = Uuid::from_u128(7);
    let guest_file = || text("/tmp/.vmtools-copy");
    let left = every!(Left {
        RunningVm { uuid },
        Definition { uuid },
        Network { name: text("lab") },
        File { path: text("/srv/web.qcow2") },
        Snapshot { vm: web(), name: text("clean") },
        Overlay { vm: web(), path: text("/srv/web-vda-fork-0a1b2c3d.qcow2") },
        GuestFile { name: guest_file(), beside: None }
            | { name: text(".vmtools-copy"), beside: Some(text("/srv/file")) },
    });
    let behind = |left| Error::LeftBehind { cause: Box::new(Error::Interrupted), left };
    let remnant = |what| Remnant { what, reason: Some(text("the device is busy")) };
    let all = left.iter().map(|(_, what)| remnant(what.clone())).collect();
    errors.extend(left.into_iter().map(|(_, what)| ("LeftBehind", behind(vec![what.into()]))));
    errors.push(("LeftBehind", behind(all)));
    check("other", &[section("Error", errors)]);
}
