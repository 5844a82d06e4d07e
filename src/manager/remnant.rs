use crate::model::Uuid;
use std::fmt;

/// What a roll-back or a removal has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remnant {
    /// What is left.
    pub what: Left,
    /// Why it was not removed, in the words of the error; none where another remnant is in the way.
    pub reason: Option<String>,
}

/// What can be left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// A VM, which still runs.
    RunningVm {
        /// Its UUID.
        uuid: Uuid,
    },
    /// A VM's definition.
    Definition {
        /// The VM's UUID.
        uuid: Uuid,
    },
    /// A network.
    Network {
        /// Its name.
        name: String,
    },
    /// A file of the host.
    File {
        /// Its path.
        path: String,
    },
    /// An overlay on which a VM runs, and which it owns, instead of its disk alone.
    Overlay {
        /// The VM.
        vm: String,
        /// The overlay's path.
        path: String,
    },
    /// A snapshot of a VM that was not finished.
    Snapshot {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// A file in a guest.
    GuestFile {
        /// Its path, or its name.
        name: String,
        /// The file beside which it lies, where that is not in its path.
        beside: Option<String>,
    },
}

impl Remnant {
    pub(in crate::manager) fn because(what: Left, reason: impl fmt::Display) -> Self {
        Self { what, reason: Some(reason.to_string()) }
    }
}

impl From<Left> for Remnant {
    fn from(what: Left) -> Self {
        Self { what, reason: None }
    }
}

impl fmt::Display for Remnant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Left::RunningVm { uuid } => write!(f, "the running VM {uuid}"),
            Left::Definition { uuid } => write!(f, "the definition of VM {uuid}"),
            Left::Network { name } => write!(f, "the network {name}"),
            Left::File { path } => f.write_str(path),
            Left::Overlay { vm, path } => write!(f, "{path}, an overlay on a disk of {vm}"),
            Left::Snapshot { vm, name } => write!(f, "the snapshot {name} of {vm}"),
            Left::GuestFile { name, beside: None } => f.write_str(name),
            Left::GuestFile { name, beside: Some(beside) } => write!(f, "{name} beside {beside}"),
        }?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}
