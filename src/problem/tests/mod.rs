use std::time::Duration;

use super::*;
use crate::manager::{
    AddressHolder, CloneError, ConsoleError, DiskError, ExecError, LiveCopyFault, NetworkError, ReachError,
    Remnant, ScreenError, Seen, StorageError, VmError,
};
use crate::model::{Condition, ShutoffReason, Uuid, VmState};
use crate::system::process::quoted;

/// An error of each kind that shows the VM's name in a command.
fn errors(vm: &str) -> Vec<Error> {
    let name = || vm.to_owned();
    let timeout = Duration::from_secs(30);
    let mut errors: Vec<Error> = vec![
        VmError::Exists { name: name() }.into(),
        VmError::NotRunning { name: name() }.into(),
        ScreenError::NoScreen { name: name() }.into(),
        ScreenError::NoDisplay { name: name() }.into(),
        ScreenError::NoViewer { name: name() }.into(),
        VmError::Paused { name: name() }.into(),
        VmError::Saved { name: name() }.into(),
        VmError::StillRunning { name: name(), timeout }.into(),
        VmError::Hangs { name: name() }.into(),
        VmError::Transient { name: name() }.into(),
        VmError::Protected { name: name() }.into(),
        VmError::HasChildren { name: name(), children: vec![name()] }.into(),
        VmError::OtherState { name: name(), wanted: VmState::Running, state: VmState::Paused }.into(),
        CloneError::CopyFailed { name: name(), reason: LiveCopyFault::ShutDown }.into(),
        StorageError::Forged { name: name(), disk: "vda".into() }.into(),
        WaitError::TimedOut {
            vm: name(),
            condition: Condition::Ssh,
            timeout,
            seen: Seen::NoAddress,
            serial_log: None,
        }
        .into(),
        WaitError::CloudInit { vm: name(), errors: Vec::new() }.into(),
        ReachError::NoAddress { name: name() }.into(),
        ExecError::OutputLost { vm: name() }.into(),
        ConsoleError::InUse { name: name() }.into(),
        ConsoleError::Refused { name: name(), message: String::new() }.into(),
        ConsoleError::NoLog { name: name() }.into(),
        DiskError::NoSuchDisk { name: name(), target: "vdx".into() }.into(),
        DiskError::NoDrive { name: name() }.into(),
        NetworkError::NotPlugged { network: "lab".into(), vm: name() }.into(),
        NetworkError::InUse { network: "lab".into(), vms: vec![name(), name()], running: true }.into(),
        NetworkError::InUse { network: "lab".into(), vms: vec![name()], running: false }.into(),
    ];
    errors.extend(
        [VmState::Running, VmState::Crashed].map(|state| VmError::NotOff { name: name(), state }.into()),
    );
    errors
}

const ALL_DOING: [Doing; 5] = [Doing::Create, Doing::Clone, Doing::Delete, Doing::Restart, Doing::Other];

/// The commands of a hint, as words.
fn commands(hint: &str) -> Vec<&str> {
    hint.split('`').skip(1).step_by(2).filter(|words| words.contains(' ')).collect()
}

#[test]
fn a_name_in_a_hint_is_one_word_whatever_it_is() {
    for name in ["a b", "it's", "$(id)", "-web", "stop", "m", ";reboot", "a\"b", "ä*"] {
        for error in errors(name) {
            for doing in ALL_DOING {
                let shown = format!("{error:?}, {doing:?}");
                let Some(hint) = advice(&error, doing).1 else { panic!("no hint for {shown}") };
                let words =
                    [format!("{name}:FILE"), format!("{name}.xml"), format!("./{name}.xml"), name.into()];
                let words = words.map(|word| quoted(&word));
                let named =
                    commands(&hint).into_iter().any(|line| words.iter().any(|word| line.contains(word)));
                assert!(named, "{shown}: {hint}");
                // Outside of its quotes nothing of it is left, where it needs them.
                let rest = words.iter().fold(hint.clone(), |rest, word| rest.replace(word, ""));
                assert!(quoted(name) == name || !rest.contains(name), "{shown}: {hint}");
            }
        }
    }
}

#[test]
fn a_hint_does_not_say_what_the_message_says() {
    for error in errors("web") {
        for doing in ALL_DOING {
            let (message, hint) = (error.to_string(), advice(&error, doing).1.unwrap_or_default());
            assert!(!hint.contains(&message) && !message.contains(&hint), "{message}: {hint}");
        }
    }
}

#[test]
fn what_was_done_decides_the_hint() {
    let running = || Error::from(VmError::NotOff { name: "web".into(), state: VmState::Running });
    for (doing, expected) in [
        (Doing::Clone, "--live"),
        (Doing::Delete, "--force"),
        (Doing::Other, "stop it with `vmtools stop web`"),
    ] {
        let hint = Problem::during(doing, running()).hint.expect("a hint");
        assert!(hint.contains(expected), "{doing:?}: {hint}");
    }
    let exists = || Error::from(VmError::Exists { name: "web".into() });
    assert!(Problem::during(Doing::Create, exists()).hint.is_some_and(|hint| hint.contains("--replace")));
    assert!(Problem::from(exists()).hint.is_some_and(|hint| !hint.contains("--replace")));
}

#[test]
fn a_wait_tells_what_it_saw_last_and_the_end_of_the_log() {
    let error = WaitError::TimedOut {
        vm: "web".into(),
        condition: Condition::Port(80),
        timeout: Duration::from_secs(90),
        seen: Seen::NoAddress,
        serial_log: Some("login:".into()),
    };
    let problem = Problem::from(Error::from(error));
    assert_eq!(problem.message, "timed out after 1m 30s waiting for port 80 of web");
    assert_eq!(problem.cause, ["last seen: no address"]);
    let json = problem.to_json();
    let error = &json["error"];
    assert_eq!(
        (&error["code"], &error["exit_code"], &error["vm"]),
        (&"timeout".into(), &6.into(), &"web".into())
    );
    assert_eq!(error["serial_log"], "login:");
    let stopped = WaitError::Stopped {
        vm: "web".into(),
        condition: Condition::Ssh,
        reason: Some(ShutoffReason::Destroyed),
        state: VmState::Shutoff,
        serial_log: None,
    };
    assert_eq!(stopped.to_string(), "the VM web stopped during the wait for ssh: it was powered off");
}

#[test]
fn what_is_left_is_named_and_keeps_the_kind_of_its_cause() {
    let cause = Box::new(Error::Interrupted);
    let left = vec![Remnant { what: Left::Network { name: "lab".into() }, reason: Some("busy".into()) }];
    let problem = Problem::from(Error::LeftBehind { cause, left });
    assert_eq!(problem.kind, ErrorKind::Interrupted);
    assert_eq!(problem.message, "interrupted; left behind: the network lab (busy)");
    let taken = NetworkError::AddressTaken {
        ip: "10.0.0.5".parse().expect("an address"),
        network: "lab".into(),
        by: AddressHolder::Vm("web".into()),
    };
    assert_eq!(taken.to_string(), "10.0.0.5 on the network lab is taken by the VM web");
}

/// `gc` takes a file that was written to a moment ago for one that somebody still writes to.
#[test]
fn when_gc_removes_a_file_is_said() {
    let left = |what: Left| {
        let left = vec![what.into()];
        let cause = Box::new(Error::Interrupted);
        Problem::from(Error::LeftBehind { cause, left }).hint.unwrap_or_default()
    };
    assert!(left(Left::File { path: "/p/commit.qcow2".into() }).contains("for a minute"));
    assert!(!left(Left::Definition { uuid: Uuid::from_u128(1) }).contains("minute"));
}

#[test]
fn a_name_that_is_nearly_right_is_answered_with_the_right_one() {
    use crate::libvirt::Object;
    let missing = |nearest: &[&str]| {
        let nearest = nearest.iter().map(|name| (*name).to_owned()).collect();
        let error = crate::libvirt::Error::NotFound { object: Object::Domain, name: "wbe".into(), nearest };
        let problem = Problem::from(Error::from(error));
        (problem.message, problem.hint.unwrap_or_default())
    };
    let (message, hint) = missing(&["web", "web2"]);
    assert_eq!(message, "there is no VM \"wbe\"");
    assert_eq!(hint, "did you mean web or web2? `vmtools list --all` lists all VMs");
    assert_eq!(missing(&[]).1, "`vmtools list --all` lists all VMs");
}
