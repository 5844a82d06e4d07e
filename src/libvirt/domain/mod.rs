//! Domains, libvirt's word for VMs: what their definitions say, how new ones are written, what a
//! [`Client`](super::Client) asks of them and does to them.

mod address;
mod addresses;
mod affects;
mod agent;
mod backup;
mod batch;
mod change;
mod complete;
mod copy;
mod counters;
mod cpu;
mod definition;
mod devices;
mod disk;
mod edit;
mod firmware;
mod hardware;
mod interface;
mod live_copy;
mod lookup;
mod metadata;
mod monitor;
mod namespace;
mod outputs;
mod power;
mod saved;
mod shared_folder;
mod spec;
mod state;
mod stats;
mod summary;
mod vnc;

pub use address::{DeviceAddress, DriveAddress};
pub use addresses::{Address, AddressSource};
pub use affects::Affects;
pub use backup::{BackupDisk, BackupState};
pub use batch::{Definitions, DomainDetails, RelatedState, StoredDefinition};
pub use complete::{CompleteDefinition, NewDomain};
pub use copy::{Conflict, CopiedFile, CopyNeeds, DomainCopy, HostPort, NotCopyable, Obstacle};
pub use cpu::{CpuTopology, MaxCpusChange, TopologyMismatch};
pub use definition::Domain;
pub use disk::{Bus, Disk, DiskDevice, DiskRole, DiskSource, Encryption, FreeTarget, free_target};
pub use firmware::NvramTemplate;
pub use hardware::cdrom;
pub use interface::{Interface, InterfaceKind, SocketRole};
pub use live_copy::LiveOverlay;
pub(in crate::libvirt) use lookup::lines;
pub use lookup::{DomainId, Scope, UndefineOptions};
pub(in crate::libvirt) use metadata::carry_over;
pub use metadata::{
    FirstStart, HotplugLimits, Metadata, MetadataChange, Mounted, OwnedVolume, Parent, RevertMark, SshAccess,
};
pub use saved::StateMismatch;
pub use shared_folder::Filesystem;
pub use spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
pub use stats::DomainStats;
pub use summary::DomainSummary;
pub use vnc::{VncEndpoint, VncServer};

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
