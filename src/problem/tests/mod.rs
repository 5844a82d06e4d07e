#[macro_use]
mod sample;

mod create;
mod guest;
mod host;
mod image;
mod network;
mod revert;
mod snapshot;
mod storage;
mod vm;
mod warning;

use std::time::Duration;

use sample::ALL_DOING;

use super::*;
use crate::manager::{
    CloneError, ConsoleError, DiskError, EndpointError, ExecError, LiveCopyFault, NetworkError, ScreenError,
    StorageError, VmError, WaitObservation,
};
use crate::model::{Condition, VmState};
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
            seen: WaitObservation::NoAddress,
            serial_log: None,
        }
        .into(),
        WaitError::CloudInit { vm: name(), errors: Vec::new() }.into(),
        EndpointError::NoAddress { name: name() }.into(),
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
fn a_wait_tells_what_it_saw_last_and_the_end_of_the_log() {
    let error = WaitError::TimedOut {
        vm: "web".into(),
        condition: Condition::Port(80),
        timeout: Duration::from_secs(90),
        seen: WaitObservation::NoAddress,
        serial_log: Some("login:".into()),
    };
    let problem = Problem::from(Error::from(error));
    assert_eq!(problem.cause, ["last seen: no address"]);
    let json = problem.to_json();
    let error = &json["error"];
    assert_eq!(
        (&error["code"], &error["exit_code"], &error["vm"]),
        (&"timeout".into(), &6.into(), &"web".into())
    );
    assert_eq!(error["serial_log"], "login:");
}
