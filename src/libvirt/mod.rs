//! libvirt by way of virsh: one open virsh per connection, typed errors, XML both ways.
//!
//! This is the room where a VM is called a domain. [`Client`] asks and acts; the parsers of what virsh
//! prints are pure functions with tests on recorded output.

mod addresses;
mod affects;
mod backup;
mod capabilities;
mod client;
mod command;
mod console;
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
mod event_feed;
mod interfaces;
mod lease;
mod load;
mod metadata;
mod network;
mod network_spec;
mod networks;
mod power;
mod session;
mod shared_folder;
mod storage;
mod volume_copy;
mod xml;

pub use addresses::{Address, AddressSource};
pub use affects::Affects;
pub use backup::{BackupDisk, BackupState, Hold};
pub use capabilities::DomainCapabilities;
pub use client::{Client, Version, Versions};
pub use console::{ConsoleProcess, Keyboard};
pub use definitions::{Definitions, KeptBeside, Page, Stored};
pub use domain::{Disk, Domain, Interface};
pub use domain_copy::{CopiedFile, DomainCopy};
pub use domain_hardware::{cdrom, disk_prefix};
pub use domain_spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
pub use domains::{DomainId, Scope};
pub use domstats::DomainStats;
pub use error::{Error, Object};
pub use event::Notice;
pub use event_feed::EventFeed;
pub use lease::Lease;
pub use metadata::{Metadata, MetadataChange, Mounted, OwnedVolume, Parent, Room, SshAccess};
pub use network::{Network, Reservation};
pub use network_spec::{NetworkDevice, NetworkSpec};
pub use networks::HostUpdate;
pub use shared_folder::Filesystem;
pub use storage::{Pool, Volume, VolumeSpec};
pub use xml::{Element, Node, XmlError};
