//! Every layer's error in words: what failed, its causes, a hint that says what to do next, and the kind, which
//! is the exit code of a command and the code of a JSON error.
//!
//! A front shows a [`Problem`] in its own way. The words name commands, and assume no terminal beyond that. One
//! file for each noun or room has the hints for its errors.

mod agent;
mod clone;
mod command;
mod config;
mod console;
mod copy;
mod create;
mod disk;
pub mod doctor;
mod doing;
pub mod event;
mod exec;
mod fork;
mod image;
mod kind;
mod libvirt;
mod network;
mod process;
mod revert;
mod seed;
mod snapshot;
mod ssh;
mod storage;
mod vm;
mod wait;
pub mod warm;
pub mod warning;

use std::error::Error as StdError;

pub use command::{Command, command, option, virsh, vmtools};
pub use console::view_elsewhere;
pub use doing::Doing;
pub use kind::ErrorKind;

use crate::host::Error as HostError;
use crate::manager::{self, Error, Left, Remnant, WaitError, installer};
use crate::model::{DiskSize, Invalid};

/// What an error is, and what to do next.
type Advice = (ErrorKind, Option<String>);

/// A failure in words.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What failed, in one line.
    pub message: String,
    /// Why, the nearest cause first.
    pub cause: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The VM it is about.
    pub vm: Option<String>,
    /// The end of its serial log.
    pub serial_log: Option<String>,
    /// Nothing failed: the user was asked, and said no.
    pub declined: bool,
}

impl Problem {
    /// Something that was asked for wrongly, and what would be right.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..Self::new(ErrorKind::Usage, message) }
    }

    /// A problem that is all message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: Vec::new(),
            hint: None,
            vm: None,
            serial_log: None,
            declined: false,
        }
    }

    /// That the user was asked and said no.
    pub fn declined(message: impl Into<String>) -> Self {
        Self { declined: true, ..Self::new(ErrorKind::Failed, message) }
    }

    /// A file, stream or socket of this host that the system does not let be used.
    pub fn io(message: impl Into<String>, error: &std::io::Error) -> Self {
        Self { cause: vec![error.to_string()], ..Self::new(error.kind().into(), message) }
    }

    /// What failed while something was being done.
    pub fn during(doing: Doing, error: Error) -> Self {
        let (kind, hint) = advice(&error, doing);
        let mut problem = Self { hint, cause: causes(&error), ..Self::new(kind, error.to_string()) };
        match error {
            Error::Wait(WaitError::TimedOut { vm, seen, serial_log, .. }) => {
                problem.cause.push(format!("last seen: {}", event::seen(&seen)));
                (problem.vm, problem.serial_log) = (Some(vm), serial_log);
            }
            Error::Wait(WaitError::Stopped { vm, serial_log, .. }) => {
                (problem.vm, problem.serial_log) = (Some(vm), serial_log);
            }
            _ => {}
        }
        problem
    }

    /// As it is about this VM.
    #[must_use]
    pub fn about(mut self, vm: &str) -> Self {
        self.vm.get_or_insert_with(|| vm.to_owned());
        self
    }

    /// The object of the JSON error.
    pub fn to_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({
            "code": self.kind.name(),
            "exit_code": self.kind.exit_code(),
            "message": self.message,
            "cause": self.cause,
            "hint": self.hint,
            "vm": self.vm,
        });
        if let (Some(log), Some(object)) = (&self.serial_log, error.as_object_mut()) {
            object.insert("serial_log".into(), log.clone().into());
        }
        serde_json::json!({ "error": error })
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::during(Doing::Other, error)
    }
}

impl From<crate::config::Error> for Problem {
    fn from(error: crate::config::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<Invalid> for Problem {
    fn from(error: Invalid) -> Self {
        Self::new(ErrorKind::Usage, error.to_string())
    }
}

fn advice(error: &Error, doing: Doing) -> Advice {
    match error {
        Error::Vm(error) => vm::advice(error, doing),
        Error::Create(error) => create::advice(error),
        Error::Resource(error) => create::resource_advice(error),
        Error::Clone(error) => clone::advice(error),
        Error::Fork(error) => fork::advice(error),
        Error::Storage(error) => storage::advice(error),
        Error::Disk(error) => disk::advice(error),
        Error::Revert(error) => revert::advice(error),
        Error::Snapshot(error) => snapshot::advice(error),
        Error::Network(error) => network::advice(error),
        Error::Images(error) => image::stored_advice(error),
        Error::Warm(error) => warm::advice(error),
        Error::Wait(error) => wait::advice(error),
        Error::Endpoint(error) => wait::endpoint_advice(error),
        Error::Exec(error) => exec::advice(error),
        Error::Agent(error) => agent::advice(error),
        Error::Copy(error) => copy::advice(error),
        Error::Console(error) => console::advice(error),
        Error::Screen(error) => console::screen_advice(error),
        Error::Libvirt(error) => libvirt::advice(error),
        Error::Config(error) => config::advice(error),
        Error::Image(error) => image::advice(error, doing),
        Error::Seed(error) => (seed::kind(error), None),
        Error::Guest(error) => ssh::advice(error),
        // Nothing that `doctor` looks at.
        Error::Host(HostError::Shell(_) | HostError::Viewer(_) | HostError::Background(_)) => {
            (ErrorKind::Failed, None)
        }
        Error::Host(_) => {
            (ErrorKind::Failed, hint(format_args!("check this host with {}", vmtools("doctor"))))
        }
        Error::Invalid(_) => (ErrorKind::Usage, None),
        Error::Claimed { .. } => (ErrorKind::WrongState, hint("try again when it has finished")),
        Error::Interrupted => (ErrorKind::Interrupted, None),
        Error::LeftBehind { cause, left } => {
            let them = if left.len() == 1 { "it" } else { "them" };
            let has = |is: fn(&Left) -> bool| left.iter().any(|remnant| is(&remnant.what));
            let remove = if has(|what| matches!(what, Left::Overlay { .. })) {
                hint(format_args!("the VM runs on; {} merges {them} into its disk", vmtools("gc")))
            } else if let Some((vm, name)) = left.iter().find_map(snapshot_left) {
                let delete = vmtools("snapshot delete").arg(vm).arg(name);
                hint(format_args!("delete it with {delete}, once libvirt answers"))
            } else if has(|what| matches!(what, Left::GuestFile { .. })) {
                hint(format_args!("remove {them} in the guest"))
            } else if has(|what| matches!(what, Left::File { .. })) {
                // What somebody may still write to is no garbage.
                let gc = vmtools("gc");
                hint(format_args!(
                    "{gc} removes {them}, once libvirt answers and the file has been left alone for a minute"
                ))
            } else {
                hint(format_args!("{} removes {them}, once libvirt answers", vmtools("gc")))
            };
            (advice(cause, doing).0, remove)
        }
    }
}

/// The VM and the name of a snapshot that is left.
fn snapshot_left(remnant: &Remnant) -> Option<(&str, &str)> {
    match &remnant.what {
        Left::Snapshot { vm, name } => Some((vm, name)),
        _ => None,
    }
}

/// A size as `--disk-size` takes it, rounded up.
fn to_flag(size: DiskSize) -> String {
    format!("{}G", size.bytes().div_ceil(1 << 30))
}

/// The names that may have been meant, as the beginning of a hint.
fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("did you mean {}? ", nearest.join(" or ")) }
}

fn hint(text: impl std::fmt::Display) -> Option<String> {
    Some(text.to_string())
}

/// The command that starts libvirt on this host; snapshots are of one that has systemd and libvirtd.
fn daemon_start() -> Option<&'static str> {
    if cfg!(test) { Some("sudo systemctl start libvirtd") } else { manager::daemon_start() }
}

/// The command that installs what vmtools needs.
fn install() -> String {
    format!("`{}`", installer())
}

/// The chain below an error; a cause that the message, or a nearer cause, already tells is left out.
fn causes(error: &dyn StdError) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        // TOML's parser shows the lines, and ends the last one.
        let text = cause.to_string().trim_end().to_owned();
        if !texts.iter().any(|nearer| nearer.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.split_off(1)
}

#[cfg(test)]
mod tests;
