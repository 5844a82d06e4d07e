//! Every command's reply as qemu-ga 7.2 and 10.0 gave it (tests/fixtures/agent), Windows' ones by public reports, and
//! what may be sent at all.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::agent::refusal::{Refusal, RefusalKind};
use crate::agent::wire::{Reply, parse};

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/agent/", $name))
    };
}

const VERSIONS: [&str; 2] = [recorded!("replies-7.2.22.txt"), recorded!("replies-10.0.2.txt")];
const BY_VIRSH: &str = recorded!("virsh-7.2.22.txt");

/// The requests, each with its reply.
fn exchanges(recorded: &str) -> Vec<(Value, &str)> {
    let lines: Vec<&str> = recorded.lines().filter(|line| !line.starts_with('#')).collect();
    lines.chunks(2).map(|pair| (serde_json::from_str(pair[0]).unwrap_or_default(), pair[1])).collect()
}

/// The replies to the command, in order.
fn replies<C: Command>(recorded: &str) -> Vec<C::Reply> {
    let mine = exchanges(recorded).into_iter().filter(|(request, _)| request["execute"] == C::NAME);
    let values = mine.filter_map(|(_, reply)| match parse(reply) {
        Ok(Reply::Return(value)) => {
            Some(serde_json::from_str(value.get()).unwrap_or_else(|error| panic!("{error}: {reply}")))
        }
        _ => None,
    });
    values.collect()
}

fn first<C: Command>(recorded: &str) -> C::Reply {
    replies::<C>(recorded).into_iter().next().unwrap_or_else(|| panic!("{} was not recorded", C::NAME))
}

#[test]
fn the_agent_itself() {
    for (recorded, version) in VERSIONS.into_iter().zip(["7.2.22", "10.0.2"]) {
        first::<Ping>(recorded);
        let info = first::<Info>(recorded);
        assert_eq!(info.version, version);
        assert!(info.allows("guest-exec") && !info.allows("guest-nothing"));
        // Windows' alone; it is listed and not enabled until 10.0, which does not have it here at all.
        assert!(!info.allows("guest-get-devices"));
        let missing: Vec<_> = NAMES.iter().filter(|name| !info.allows(name)).collect();
        assert!(missing.is_empty(), "{version}: {missing:?}");
    }
}

#[test]
fn programs() {
    for recorded in VERSIONS {
        assert!(replies::<Exec>(recorded).iter().all(|started| started.pid > 0));
        let states = replies::<ExecStatus>(recorded);
        assert!(states.contains(&ExecState::default()), "one was still running");
        let ended: Vec<ExecState> = states.into_iter().filter(|state| state.exited).collect();
        let exited = |state: &ExecState| (state.exitcode, state.signal);
        assert_eq!(exited(&ended[0]), (Some(7), None));
        assert_eq!(
            (ended[0].out_data.as_slice(), ended[0].err_data.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(exited(&ended[1]), (None, Some(9)));
        assert_eq!(ended[2].out_data, b"na\xc3\xafve");
        assert!(!ended[2].out_truncated && ended[3].out_data.is_empty());
        assert_eq!(ended[4].out_data, b"b\n");
    }
}

#[test]
fn files() {
    for recorded in VERSIONS {
        let written: Vec<u64> = replies::<FileWrite>(recorded).iter().map(|written| written.count).collect();
        assert_eq!(written[..2], [6, 0]);
        let read = replies::<FileRead>(recorded);
        let chunk = |bytes: &[u8], eof| FileChunk { bytes: bytes.to_vec(), eof };
        assert_eq!(read, [chunk(b"hell", false), chunk(b"o\n", true), chunk(b"", true)]);
        let handles = replies::<FileOpen>(recorded);
        assert_ne!(handles[0], handles[1]);
        assert!(!replies::<FileClose>(recorded).is_empty() && !replies::<FileFlush>(recorded).is_empty());
    }
}

#[test]
fn the_system() {
    for recorded in VERSIONS {
        let system = first::<GetOsinfo>(recorded);
        assert_eq!((system.id.as_deref(), system.version_id.as_deref()), (Some("debian"), Some("12")));
        assert!(!system.is_windows());
        assert_eq!(first::<GetHostName>(recorded).host_name, "vm1");
        let interfaces = first::<NetworkGetInterfaces>(recorded);
        let addresses: Vec<_> = interfaces[0].ip_addresses.iter().filter_map(GuestAddress::ip).collect();
        assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1", "::1"]);
        first::<SshAddAuthorizedKeys>(recorded);
    }
    // busybox has no os-release.
    let busybox = first::<GetOsinfo>(BY_VIRSH);
    assert_eq!((busybox.id, busybox.machine.as_deref()), (None, Some("x86_64")));
    let debian = replies::<NetworkGetInterfaces>(BY_VIRSH).pop().expect("recorded");
    assert_eq!(debian[1].hardware_address.as_deref(), Some("52:54:00:5a:b2:a5"));
    assert_eq!(debian[1].ip_addresses[1].prefix, 64);
    assert_eq!(replies::<SetTime>(BY_VIRSH).len(), 2);
}

#[test]
fn freezing() {
    // FAT cannot be frozen, ext4 can.
    assert_eq!(replies::<FsfreezeFreeze>(BY_VIRSH), [0, 0, 1]);
    assert_eq!(replies::<FsfreezeThaw>(BY_VIRSH), [0, 0, 1, 0]);
    use FreezeState::{Frozen, Thawed};
    assert_eq!(replies::<FsfreezeStatus>(BY_VIRSH), [Thawed, Thawed, Thawed, Frozen]);
}

#[test]
fn windows() {
    let system: OsInfo = serde_json::from_str(
        r#"{"name":"Microsoft Windows","kernel-release":"20348","version":"Microsoft Windows Server 2022","variant":"server","pretty-name":"Windows Server 2022 Standard","version-id":"2022","variant-id":"server","kernel-version":"10.0","machine":"x86_64","id":"mswindows"}"#,
    )
    .expect("parses");
    assert!(system.is_windows());
    let interfaces: Vec<GuestInterface> = serde_json::from_str(
        r#"[{"name":"Ethernet","ip-addresses":[{"ip-address-type":"ipv6","ip-address":"fe80::3a11:dfb6:9b8f:8241%6","prefix":64},{"ip-address-type":"ipv4","ip-address":"192.168.1.81","prefix":24}],"hardware-address":"00:a0:98:63:a7:d1"},{"name":"Loopback Pseudo-Interface 1"}]"#,
    )
    .expect("parses");
    let link_local = interfaces[0].ip_addresses[0].ip().map(|ip| ip.to_string());
    assert_eq!(link_local.as_deref(), Some("fe80::3a11:dfb6:9b8f:8241"));
    assert!(interfaces[1].ip_addresses.is_empty() && interfaces[1].hardware_address.is_none());
    let state: ExecState = serde_json::from_str(r#"{"exited":true,"signal":-1073741510}"#).expect("parses");
    assert_eq!(state.signal, Some(-1_073_741_510));
}

#[test]
fn every_recorded_error_is_read() {
    let mut kinds = BTreeSet::new();
    for recorded in VERSIONS {
        for (_, reply) in exchanges(recorded) {
            if let Ok(Reply::Error(message)) = parse(reply) {
                kinds.insert(format!("{:?}", Refusal::new(&message).kind));
            }
        }
    }
    for (request, reply) in exchanges(BY_VIRSH) {
        let Some((_, words)) = reply.split_once("unable to execute QEMU agent command '") else { continue };
        let (_, message) = words.split_once("': ").expect("libvirt's form");
        let kind = Refusal::new(message).kind;
        kinds.insert(format!("{kind:?}"));
        if request["execute"] == "guest-exec" && message.contains("frozen") {
            assert_eq!(kind, RefusalKind::Frozen);
        }
    }
    let expected = [
        "CannotStart",
        "Disabled",
        "Frozen",
        "IsDirectory",
        "NoSpace",
        "NoSuchFile",
        "NoSuchHandle",
        "NoSuchProcess",
        "NoSuchProgram",
        "NoSuchUser",
        "Other",
        "UnknownCommand",
        "Unsupported",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// What may be sent.
const NAMES: [&str; 18] = [
    Ping::NAME,
    Info::NAME,
    Shutdown::NAME,
    Exec::NAME,
    ExecStatus::NAME,
    FileOpen::NAME,
    FileRead::NAME,
    FileWrite::NAME,
    FileFlush::NAME,
    FileClose::NAME,
    FsfreezeFreeze::NAME,
    FsfreezeThaw::NAME,
    FsfreezeStatus::NAME,
    GetOsinfo::NAME,
    GetHostName::NAME,
    NetworkGetInterfaces::NAME,
    SetTime::NAME,
    SshAddAuthorizedKeys::NAME,
];

#[test]
fn arguments_are_the_schemas() {
    let text = |request: Result<String, serde_json::Error>| request.expect("writes");
    use crate::agent::request;
    let handle: FileHandle = serde_json::from_str("1000").expect("parses");
    for (written, expected) in [
        (
            text(request(&Shutdown { mode: ShutdownMode::Powerdown })),
            r#"{"execute":"guest-shutdown","arguments":{"mode":"powerdown"}}"#,
        ),
        (text(request(&ExecStatus { pid: 7 })), r#"{"execute":"guest-exec-status","arguments":{"pid":7}}"#),
        (
            text(request(&FileOpen { path: "/a".into(), mode: FileMode::Append })),
            r#"{"execute":"guest-file-open","arguments":{"path":"/a","mode":"a"}}"#,
        ),
        (
            text(request(&FileRead { handle, count: 9 })),
            r#"{"execute":"guest-file-read","arguments":{"handle":1000,"count":9}}"#,
        ),
        (
            text(request(&FileWrite { handle, bytes: b"x".to_vec() })),
            r#"{"execute":"guest-file-write","arguments":{"handle":1000,"buf-b64":"eA=="}}"#,
        ),
        (
            text(request(&SetTime { nanoseconds: Some(5) })),
            r#"{"execute":"guest-set-time","arguments":{"time":5}}"#,
        ),
        (text(request(&SetTime { nanoseconds: None })), r#"{"execute":"guest-set-time","arguments":{}}"#),
        (
            text(request(&SshAddAuthorizedKeys {
                username: "u".into(),
                keys: vec!["k".into()],
                reset: false,
            })),
            r#"{"execute":"guest-ssh-add-authorized-keys","arguments":{"username":"u","keys":["k"],"reset":false}}"#,
        ),
    ] {
        assert_eq!(written, expected);
    }
}
