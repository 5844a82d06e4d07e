//! libvirt by way of virsh: one open virsh per connection, typed errors, XML both ways.
//!
//! This is the room where a VM is called a domain. [`Client`] is a connection; what is asked of it
//! stands by noun on its handles ([`Domains`], [`Volumes`], ..), which share the one virsh. The parsers of what virsh
//! prints are pure functions with tests on recorded output.

mod client;
mod domain;
mod error;
mod event;
mod job;
mod network;
mod snapshot;
mod storage;
mod xml;

use client::command;
pub use client::{
    AgentChannel, Client, Console, Definition, DomainCapabilities, DomainDefinitions, DomainHardware,
    DomainMetadata, Domains, Jobs, Keyboard, Pools, Snapshots, Statistics, Version, Versions,
    VirtualNetworks, Volumes,
};
pub use domain::{
    Address, AddressSource, Affects, BackupDisk, BackupState, Bus, CompleteDefinition, Conflict, CopiedFile,
    CopyNeeds, CpuTopology, Definitions, DeviceAddress, Disk, DiskDevice, DiskRole, DiskSource, DiskSpec,
    Domain, DomainCopy, DomainDetails, DomainId, DomainSpec, DomainStats, DomainSummary, DriveAddress,
    Encryption, Filesystem, FreeTarget, HostPort, HotplugLimits, Interface, InterfaceKind, InterfaceSource,
    InterfaceSpec, MaxCpusChange, Metadata, MetadataChange, Mounted, NewDomain, NotCopyable, Obstacle,
    OwnedVolume, Parent, RelatedState, Scope, SocketRole, SshAccess, StoredDefinition, TopologyMismatch,
    UndefineOptions, VncEndpoint, VncServer, cdrom, disk_prefix, free_target,
};
pub use error::{Error, Object, RefusalReason};
pub use event::{EventFeed, Notice};
pub use job::{JobBytes, JobOperation, JobOutcome, JobProgress};
pub use network::{
    HostUpdate, Lease, Network, NetworkDevice, NetworkIp, NetworkSpec, PortGroup, Reservation,
};
pub use storage::{Pool, PoolContents, PoolKind, Volume, VolumeKind, VolumeSpec};
pub use xml::{Element, Node, XmlError};

pub use crate::system::process::Failsafe;
