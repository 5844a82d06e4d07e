//! libvirt by way of virsh: one open virsh per connection, typed errors, XML both ways.
//!
//! This is the room where a VM is called a domain. [`Client`] asks and acts; the parsers of what virsh
//! prints are pure functions with tests on recorded output.

mod capabilities;
mod client;
mod command;
mod console;
mod domain;
mod error;
mod event;
mod event_feed;
mod job;
mod lease;
mod network;
mod network_spec;
mod networks;
mod session;
mod storage;
mod volume_copy;
mod xml;

pub use capabilities::DomainCapabilities;
pub use client::{Client, Version, Versions};
pub use console::ConsoleProcess;
pub use domain::{
    Address, AddressSource, Affects, BackupDisk, BackupState, Bus, CompleteDefinition, Conflict, CopiedFile,
    CopyNeeds, CpuTopology, Definitions, DeviceAddress, Disk, DiskDevice, DiskRole, DiskSource, DiskSpec,
    Domain, DomainCopy, DomainId, DomainSpec, DomainStats, DriveAddress, Encryption, Filesystem, FreeTarget,
    Freeze, HostPort, Interface, InterfaceKind, InterfaceSource, InterfaceSpec, KeptBeside, MaxCpusChange,
    Metadata, MetadataChange, Mounted, NewDomain, NotCopyable, Obstacle, OwnedVolume, Page, Parent, Room,
    Scope, SocketRole, SshAccess, Stored, TopologyMismatch, VncEndpoint, cdrom, disk_prefix, free_target,
};
pub use error::{Error, Object};
pub use event::Notice;
pub use event_feed::EventFeed;
pub use job::{JobBytes, JobOperation, JobOutcome, JobProgress};
pub use lease::Lease;
pub use network::{Network, Reservation};
pub use network_spec::{NetworkDevice, NetworkSpec};
pub use networks::HostUpdate;
pub use storage::{Pool, Volume, VolumeSpec};
pub use xml::{Element, Node, XmlError};
