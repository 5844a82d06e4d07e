//! What a person does to a VM: order, checks, roll-back.
//!
//! [`VmManager`] is the front. Its verbs return plain structs, which the room above renders, and report
//! what goes on meanwhile to an [`Observer`].
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

mod agent;
mod clone;
mod connect;
mod console;
mod copy;
mod create;
mod delete;
mod delete_plan;
mod disk;
mod doctor;
mod error;
mod events;
mod exec;
mod gc;
mod image;
mod interrupt;
mod list;
mod logs;
mod monitor;
mod needs;
mod network;
mod observer;
mod outlast;
mod pause;
mod power;
mod protect;
mod reach;
mod record;
mod remove;
mod rename;
mod serial_log;
mod set;
mod spec;
mod ssh_config;
mod status;
mod stop;
mod template;
mod vm;
mod vm_manager;
mod volume;
mod wait;

pub use clone::{CloneMode, CloneRequest};
pub use console::Console;
pub use copy::{Copied, CopyBy, CopyPlace, CopyRequest};
pub use create::Plan;
pub use delete::Deleted;
pub use delete_plan::{DeletePlan, DeleteRequest, Going, GoingFile, KeptFile, Staying};
pub use disk::{ChangedDisk, DiskError, DiskRemoval, DiskSource, NewDisk};
pub use doctor::{Check, CheckStatus};
pub use error::Error;
pub use events::{EventCommand, EventStream, VmEvent, VmEventKind};
pub use exec::{EXEC_INPUT_LIMIT, ExecEnd, ExecRequest, Executed};
pub use gc::{Garbage, Reason};
pub use image::{
    AvailableImage, ImageCommit, ImageImport, ImageKind, ImageStatus, PruneRequest, PullRequest, PulledImage,
    RemovedImage, UnusedImage, available_images, import_image, own_image,
};
pub use interrupt::{Interrupt, interrupt_channel};
pub use list::{ListRequest, VmSelection};
pub use logs::LogRequest;
pub use monitor::{
    Card, CountedDisk, Counters, Job, Look, Monitor, MonitorRequest, QemuEvent, QmpEnabled, SampleSource,
    Transfers, VmSample,
};
pub use network::{
    CardChange, DeletedNetwork, LeaseStatus, Network, NetworkCard, NetworkDeletePlan, NetworkError,
    NetworkInfo, NetworkKind, NetworkPlan, NetworkRequest, NetworkStatus, ReservationStatus,
};
pub use observer::{Event, Observer, Warning};
pub use power::StateChange;
pub use protect::Protection;
pub use reach::Reach;
pub use set::{Setting, VmChange, VmChanged};
pub use spec::VmSpec;
pub use ssh_config::SshHost;
pub use stop::StopBy;
pub use vm::{DiskStatus, InterfaceStatus, MountStatus, SshStatus, VmDetails, VmStatus, VmSummary};
pub use vm_manager::VmManager;
pub use wait::WaitFor;

pub use crate::guest::{Remote, Signal};
pub use crate::host::installer;
pub use crate::seed::{PasswordHash, UserDataWarning};
