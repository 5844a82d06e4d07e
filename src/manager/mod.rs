//! Operations on VMs: their order, checks and roll-back.
//!
//! [`VmManager`] is the entry point. Its methods return plain structs, which the command line renders, and report
//! progress to an [`Observer`].
//!
//! One command followed through, `vmtools create web --template ubuntu --start --wait`: the command line
//! is merged with template and configuration into a [`VmSpec`]; the create checks what it can before it
//! acts, obtains the base image, claims the name by `define`, makes the VM's volumes, starts it and waits.
//! Each act notes how it is undone before it is done, so an error or an interrupt at any point takes
//! everything back:
//!
//! ```text
//! checks -> base image -> define (name claimed, marked "creating") -> volumes -> start -> wait -> mark off
//!                            |                                                              |
//!                            +------- error, Ctrl-C: stop, delete volumes, undefine --------+
//!                            +------- kill -9: the mark stays, and `gc` does the same -------+
//! ```

mod change;
mod claim;
mod clone;
mod connect;
mod create;
mod delete;
mod disk;
mod doctor;
mod error;
mod gc;
mod guest;
mod host_checks;
mod image;
mod inventory;
mod locality;
mod network;
mod observe;
mod operation;
mod power;
mod remnant;
mod retry;
mod snapshot;
mod storage;
mod task;
mod undo;
mod vm;
mod vm_manager;
mod vms;
mod warm;

pub use change::{Changes, Protection, Setting, VmChange, VmChanged};
pub use clone::{CloneError, CloneMode, CloneRequest, ForkError, ForkObstacle, LiveCopyFault};
pub use create::{CreateError, KeySource, PasstFault, Plan, UserDocument, VirtiofsFault, VmSpec};
pub use delete::{
    DeletePlan, DeleteReason, DeleteRequest, Deleted, Deletion, FileDeletion, KeepReason, KeptFile,
};
pub use disk::{ChangedDisk, CopyObstacle, DiskError, DiskRemoval, DiskSource, Disks, NewDisk};
pub use doctor::{Check, CheckStatus, Finding, MachinePart};
pub use error::Error;
pub use gc::{Garbage, GarbageCollection, Reason};
pub use guest::{
    AgentError, Console, ConsoleError, ConsoleInput, ConsoleOutput, Copied, CopyBy, CopyError, CopyPlace,
    CopyRefusal, CopyRequest, EndpointError, ExecError, ExecRequest, Executed, FileCopy, FreezeFault,
    GuestAccess, GuestAgent, GuestEndpoint, LogRequest, Screen, ScreenError, ScreenForward, ScreenView,
    SshHost, WaitError, WaitFor,
};
pub use host_checks::ResourceError;
pub use image::{
    AvailableBuild, AvailableImage, ImageCommit, ImageError, ImageImport, ImageKind, ImageStatus, Images,
    PruneRequest, PullRequest, PulledImage, RemovedImage, UnusedImage, WarmStatus, available_images,
    import_image, user_image,
};
pub use inventory::Dependent;
pub use network::{
    AddressHolder, AttachedInterface, DeletedNetwork, InterfaceChange, Ipv4Choice, LeaseStatus, Network,
    NetworkDeletePlan, NetworkError, NetworkInfo, NetworkKind, NetworkPlan, NetworkRequest, NetworkStatus,
    Networks, PortGroup, ReservationRequest, ReservationStatus, SpecialAddress, SpeedupPlan, SubnetUser,
};
pub use observe::{
    CountedDisk, Counters, EventCommand, EventStream, InterfaceCounters, Job, Monitor, MonitorRequest,
    Monitoring, QemuEvent, QmpEnabled, Reading, SampleSource, Transfers, VmEvent, VmEventKind, VmSample,
};
pub use power::{Power, StateChange, StopBy};
pub use remnant::{Left, Remnant};
pub use snapshot::{
    ConfigChange, DeletedSnapshot, DetachedDisk, DiskObstacle, MemoryObstacle, PowerAfter, Quiesce,
    RevertError, RevertPlan, RevertRequest, Reverted, Reverts, Settled, SnapshotDeletion, SnapshotError,
    SnapshotRequest, SnapshotSelection, SnapshotSettings, SnapshotStatus, Snapshots,
};
pub use storage::{Place, StorageError};
pub use task::{
    Already, Event, Interrupt, Observer, SnapshotLoss, Step, Task, WaitObservation, Warning,
    interrupt_channel,
};
pub use vm_manager::VmManager;
pub use vms::{
    DiskStatus, InterfaceStatus, ListRequest, MountStatus, SshStatus, VmDetails, VmError, VmSelection,
    VmStatus, VmSummary, Vms,
};

pub use warm::{ColdReason, WarmError, WarmStates};

pub use crate::agent::{End, INPUT_LIMIT};
pub use crate::guest::{Remote, Signal};
pub use crate::host::{
    KvmFault, Membership, QmpFolder, Socket, cpus as host_cpus, daemon_start, installer,
    run_again_in_background,
};
pub use crate::seed::{PasswordHash, UserDataWarning};
