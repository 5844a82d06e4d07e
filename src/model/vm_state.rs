use std::fmt;

use serde::Serialize;

/// What a VM is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// It runs (libvirt's "blocked" counts as running: it waits for a resource).
    Running,
    /// Its vCPUs are held.
    Paused,
    /// It is shut off.
    Shutoff,
    /// Its QEMU or its guest has crashed.
    Crashed,
    /// Its guest suspended itself.
    Suspended,
    /// It has been asked to shut down and does so.
    ShuttingDown,
    /// libvirt doesn't know.
    Unknown,
}

impl VmState {
    /// libvirt's number of a domain's state (`virDomainState`), as `domstats` prints it.
    pub fn from_libvirt(number: u64) -> Self {
        match number {
            1 | 2 => Self::Running,
            3 => Self::Paused,
            4 => Self::ShuttingDown,
            5 => Self::Shutoff,
            6 => Self::Crashed,
            7 => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// The state that [`VmState::name`] names.
    pub fn from_name(name: &str) -> Self {
        let known =
            [Self::Running, Self::Paused, Self::Shutoff, Self::Crashed, Self::Suspended, Self::ShuttingDown];
        known.into_iter().find(|state| state.name() == name).unwrap_or(Self::Unknown)
    }

    /// Whether a QEMU process stands behind the VM.
    pub fn is_active(self) -> bool {
        match self {
            Self::Running | Self::Paused | Self::Suspended | Self::ShuttingDown => true,
            Self::Shutoff | Self::Crashed | Self::Unknown => false,
        }
    }

    /// The state behind "the VM is".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Shutoff => "shut off",
            Self::Crashed => "crashed",
            Self::Suspended => "suspended by its guest",
            Self::ShuttingDown => "shutting down",
            Self::Unknown => "in an unknown state",
        }
    }

    /// The state's name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Shutoff => "shutoff",
            Self::Crashed => "crashed",
            Self::Suspended => "suspended",
            Self::ShuttingDown => "shutting_down",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
