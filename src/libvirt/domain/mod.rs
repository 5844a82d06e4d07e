//! Domains, libvirt's word for VMs: what their definitions say, how new ones are written, what a
//! [`Client`](super::Client) asks of them and does to them.

mod addresses;
mod affects;
mod backup;
mod batch;
mod change;
mod copy;
mod counters;
mod definition;
mod devices;
mod freeze;
mod hardware;
mod interfaces;
mod lookup;
mod metadata;
mod monitor;
mod power;
mod shared_folder;
mod spec;
mod stats;

pub use addresses::{Address, AddressSource};
pub use affects::Affects;
pub use backup::{BackupDisk, BackupState};
pub use batch::{Definitions, KeptBeside, Page, Stored};
pub use copy::{CopiedFile, DomainCopy};
pub use definition::{Disk, Domain, Interface};
pub use freeze::Freeze;
pub use hardware::{cdrom, disk_prefix};
pub use lookup::{DomainId, Scope};
pub use metadata::{Metadata, MetadataChange, Mounted, OwnedVolume, Parent, Room, SshAccess};
pub use shared_folder::Filesystem;
pub use spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
pub use stats::DomainStats;
