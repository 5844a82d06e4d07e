use super::{
    AgentError, CloneError, ConsoleError, CopyError, CreateError, DiskError, EndpointError, ExecError,
    ForkError, ImageError, NetworkError, Remnant, ResourceError, RevertError, ScreenError, SnapshotError,
    StorageError, VmError, WaitError, WarmError,
};
use crate::model::Invalid;
use crate::{config, guest, host, image, libvirt, seed};

/// Why something was not done. Each noun has an enum of its own, beside its code; the lower rooms have theirs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What a VM is, or the state that it is in.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// What was asked for of a new VM.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The host's resources.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// A clone.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// A fork.
    #[error(transparent)]
    Fork(#[from] ForkError),
    /// VMs' files and storage pools.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A disk or CD-ROM drive of a VM.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A revert to a snapshot.
    #[error(transparent)]
    Revert(#[from] RevertError),
    /// A network, or a VM's interface on it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// An image on this host.
    #[error(transparent)]
    Images(#[from] ImageError),
    /// A state to start VMs from.
    #[error(transparent)]
    Warm(#[from] WarmError),
    /// A wait for a VM.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The way to a guest.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A command in a guest.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The agent in a guest.
    #[error(transparent)]
    Agent(AgentError),
    /// Files on their way to or from a guest.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A serial console, or its log.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// A VM's screen.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// libvirt, or virsh on the way to it.
    #[error(transparent)]
    Libvirt(#[from] libvirt::Error),
    /// The configuration or a template.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// An image's file, its source, or the catalogue.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The guest's first-boot configuration.
    #[error(transparent)]
    Seed(#[from] seed::Error),
    /// The host's own facts.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// ssh and its keys.
    #[error(transparent)]
    Guest(#[from] guest::Error),
    /// A value that can't be taken.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Another command works on it for too long.
    #[error("another vmtools command is working on {name}")]
    Claimed {
        /// The VM, image or network.
        name: String,
    },
    /// The user asked for the end.
    #[error("interrupted")]
    Interrupted,
    /// It failed, and not everything could be rolled back.
    #[error("{cause}; left behind: {}", .left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    LeftBehind {
        /// Why it failed.
        #[source]
        cause: Box<Error>,
        /// What is still there.
        left: Vec<Remnant>,
    },
}

impl Error {
    /// Whether it says that a VM, network, pool or volume isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Libvirt(error) if error.is_not_found())
    }

    /// Whether libvirt can't be reached, or was lost midway.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Libvirt(error) if error.is_connection())
    }
}
