//! Why libvirt did not do what it was asked for. All reading of its English is in [`classify`].

mod classify;
mod messages;
mod refusal;
mod template;

use std::path::Path;
use std::time::Duration;

pub(in crate::libvirt) use classify::classify;

use crate::model::nearest;
use crate::system::{fs, process};

/// What kind of thing libvirt could not find, or found already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A domain: libvirt's word for a VM.
    Domain,
    /// A virtual network.
    Network,
    /// A storage pool.
    Pool,
    /// A storage volume.
    Volume,
    /// A snapshot of a domain.
    Snapshot,
    /// An address that a network keeps for one host.
    Reservation,
    /// An element of a domain's metadata.
    Metadata,
    /// A disk or a network interface of a domain.
    Device,
}

/// Why libvirt refused, as far as that decides what is done next or what is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The daemon, or the user that QEMU runs as, may not use a file.
    PermissionDenied,
    /// The machine, as it runs, has no PCI port free for another device.
    NoPciSlot,
    /// virtlogd, which writes the guests' serial logs, does not run.
    LogDaemonDown,
    /// dnsmasq, which serves addresses and names on a network, is missing or failed.
    Dnsmasq,
    /// passt, which connects a VM without a network of libvirt's, is missing or failed.
    Passt,
    /// The host has a route to the network's subnet by another interface.
    SubnetInUse,
    /// The serial console is open elsewhere.
    ConsoleInUse,
    /// A QEMU, or a tool of QEMU's, has an image open in a way that forbids this. The message names the file.
    ImageLocked,
    /// QEMU could not write a memory into the disk that was to keep it. That the host's disk is full it does not tell.
    MemoryUnwritten,
    /// None of these: the message says it.
    Other,
}

impl Object {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "VM",
            Self::Network => "network",
            Self::Pool => "storage pool",
            Self::Volume => "storage volume",
            Self::Snapshot => "snapshot",
            Self::Reservation => "reservation",
            Self::Metadata => "metadata",
            Self::Device => "device",
        }
    }
}

/// Why libvirt, or virsh on the way to it, did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {} {name:?}", .object.name())]
    NotFound {
        /// What was looked for.
        object: Object,
        /// Its name or UUID.
        name: String,
        /// Names that exist and look like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The name is taken.
    #[error("the {} {name:?} already exists", .object.name())]
    Exists {
        /// What stands in the way.
        object: Object,
        /// Its name.
        name: String,
    },
    /// The file is there, but libvirt's pool, which has been refreshed longer ago, does not list it.
    #[error("the file {path:?} already exists, but its storage pool does not list it")]
    FileExists {
        /// The file.
        path: String,
    },
    /// The file of a volume or a disk is gone, though a pool or a definition still names it.
    #[error("there is no file {path:?}")]
    FileMissing {
        /// The file.
        path: String,
    },
    /// A record says that a volume is a file that it is not.
    #[error("the volume {name:?} of the storage pool {pool:?} is {path:?}, not {recorded:?}")]
    OtherVolume {
        /// The storage pool.
        pool: String,
        /// The volume's name.
        name: String,
        /// The file that it is.
        path: String,
        /// The file that it was said to be.
        recorded: String,
    },
    /// It can't be done in the state that the domain, network or pool is in.
    #[error("`{command}`: {message}")]
    WrongState {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// No daemon answers at the URI.
    #[error("cannot connect to libvirt at {uri}: {message}")]
    Unreachable {
        /// The connection URI.
        uri: String,
        /// libvirt's words.
        message: String,
    },
    /// This user may not.
    #[error("libvirt at {uri} denied access: {message}")]
    Denied {
        /// The connection URI.
        uri: String,
        /// libvirt's words.
        message: String,
    },
    /// Another operation holds the domain, the pool or the volume: it may work later.
    #[error("`{command}`: {message}")]
    Busy {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// The guest agent is not there, or gives no answer.
    #[error("the guest agent does not answer: {message}")]
    Agent {
        /// libvirt's words.
        message: String,
    },
    /// The guest agent is connected, but gave no answer in time.
    #[error("the guest agent did not answer in time: {message}")]
    AgentSilent {
        /// libvirt's words.
        message: String,
    },
    /// The guest agent answered that it does not.
    #[error("the guest agent refused: {message}")]
    AgentRefused {
        /// Its words.
        message: String,
    },
    /// The guest agent's answer is longer than the 4 MiB that libvirt passes on (`REMOTE_STRING_MAX`), and lost.
    #[error("the guest agent's answer exceeds libvirt's limit")]
    AgentAnswerTooLong,
    /// The storage is full.
    #[error("`{command}`: {message}")]
    NoSpace {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// libvirt or virsh is too old for it.
    #[error("`{command}`: {message}")]
    Unsupported {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// The daemon's host has no TPM emulator.
    #[error("no TPM is available for VMs: {message}")]
    NoTpm {
        /// libvirt's words.
        message: String,
    },
    /// The daemon's host has no UEFI of the kind that was asked for.
    #[error("no UEFI firmware is available for VMs: {message}")]
    NoFirmware {
        /// libvirt's words.
        message: String,
    },
    /// The daemon gave no answer in time. virsh was killed; the next call opens a new one.
    #[error("libvirt at {uri} did not answer `{command}` within {}", humantime::format_duration(*.deadline))]
    TimedOut {
        /// The connection URI.
        uri: String,
        /// The virsh command.
        command: String,
        /// The time that it had.
        deadline: Duration,
    },
    /// virsh or the daemon went away amid the call. The next call opens a new one.
    #[error("the connection to {uri} broke during `{command}`{}", if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
    Lost {
        /// The connection URI.
        uri: String,
        /// The virsh command.
        command: String,
        /// virsh's last words.
        message: String,
    },
    /// libvirt refused for a reason of its own.
    #[error("`{command}`: {message}")]
    Refused {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
        /// What they mean.
        reason: RefusalReason,
    },
    /// An argument that virsh's line-wise reader can't take.
    #[error("{text:?} contains a control character, which cannot be passed to virsh")]
    Unquotable {
        /// The argument.
        text: String,
    },
    /// A value that libvirt would change: it writes tabs and line breaks in attributes of its documents unescaped, and
    /// reads blanks for them.
    #[error("libvirt cannot store {value:?}: it reads the tab or line break in it as a space")]
    NotKept {
        /// The value, such as the path of a file.
        value: String,
    },
    /// What libvirt printed is not what its documentation says.
    #[error("cannot understand what `{command}` printed: {reason}")]
    Unexpected {
        /// The virsh command.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that virsh reads or writes on behalf of vmtools could not be made or used.
    #[error(transparent)]
    File(#[from] fs::Error),
    /// virsh itself could not be run.
    #[error("cannot run virsh")]
    Process(#[from] process::Error),
}

impl Error {
    /// `action` failed on the file at `path`; for `map_err`.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let failed = fs::Error::at(action, path);
        move |source| failed(source).into()
    }

    /// There is no such thing, and nothing is known that looks like it.
    pub fn missing(object: Object, name: impl Into<String>) -> Self {
        Self::NotFound { object, name: name.into(), nearest: Vec::new() }
    }

    /// There is no such thing among these.
    pub(in crate::libvirt) fn missing_among<'a>(
        object: Object,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::NotFound { object, name: name.to_owned(), nearest: nearest(name, known) }
    }

    /// Whether it says that a domain, network, pool or volume isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// A refusal without a reason that is known.
    pub fn refused(command: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { command: command.into(), message: message.into(), reason: RefusalReason::Other }
    }

    /// Why libvirt refused, if it did for a reason of its own.
    pub fn refusal(&self) -> Option<RefusalReason> {
        match self {
            Self::Refused { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// Whether the daemon could not be spoken with at all, so that asking again now is no use.
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Denied { .. }
                | Self::TimedOut { .. }
                | Self::Lost { .. }
                | Self::Process(_)
        )
    }
}

#[cfg(test)]
mod tests;
