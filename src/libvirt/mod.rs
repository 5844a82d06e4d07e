//! libvirt by way of virsh: one open virsh per connection, typed errors, XML both ways.
//!
//! This is the room where a VM is called a domain. [`Client`] asks and acts; the parsers of what virsh
//! prints are pure functions with tests on recorded output.

mod addresses;
mod affects;
mod backup;
mod client;
mod definitions;
mod devices;
mod domain;
mod domain_change;
mod domain_copy;
mod domain_hardware;
mod domain_monitor;
mod domain_spec;
mod domains;
mod domstats;
mod error;
mod event;
mod interfaces;
mod load;
mod metadata;
mod network;
mod power;
mod shared_folder;
mod snapshot;
mod storage;
mod xml;

pub use addresses::{Address, AddressSource};
pub use affects::Affects;
pub use backup::{BackupDisk, BackupState, Hold};
use client::command;
pub use client::{Client, Console, Definition, DomainCapabilities, Keyboard, Version, Versions};
pub use definitions::{Definitions, KeptBeside, Page, Stored};
pub use domain::{Disk, Domain, Interface};
pub use domain_copy::{CopiedFile, DomainCopy};
pub use domain_hardware::{cdrom, disk_prefix};
pub use domain_spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
pub use domains::{DomainId, Scope};
pub use domstats::DomainStats;
pub use error::{Error, Object, RefusalReason};
pub use event::{EventFeed, Notice};
pub use metadata::{Metadata, MetadataChange, Mounted, OwnedVolume, Parent, Room, SshAccess};
pub use network::{
    HostUpdate, IpRange, Lease, Network, NetworkDevice, NetworkIp, NetworkSpec, PortGroup, Reservation,
};
pub use shared_folder::Filesystem;
pub use storage::{Pool, PoolContents, PoolKind, Volume, VolumeKind, VolumeSpec};
pub use xml::{Element, Node, XmlError};
