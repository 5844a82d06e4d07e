//! A client for libvirt that runs virsh: one long-lived virsh process per connection, typed errors, XML read and
//! written.
//!
//! As in libvirt, a VM is called a domain here. [`Client`] is a connection; its methods are grouped by object on
//! handles ([`Domains`], [`Volumes`], ..) that share the one virsh. virsh's output is parsed by pure functions, tested on
//! recorded output.
//!
//! ```no_run
//! use vmtools::libvirt::{Client, Scope};
//! use vmtools::model::ConnectionUri;
//!
//! # async fn list() -> Result<(), vmtools::libvirt::Error> {
//! let client = Client::new(ConnectionUri::system());
//! for (domain, state) in client.domains().states().await? {
//!     println!("{} {} {state}", domain.uuid, domain.name);
//! }
//! for id in client.domains().list(Scope::Active).await? {
//!     let domain = client.definitions().current(id.uuid).await?;
//!     println!("{}: {} vCPUs, {} MiB", domain.name, domain.cpus, domain.memory_mib);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod domain;
mod error;
mod event;
mod job;
mod network;
mod save_image;
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
    Encryption, Filesystem, FirstStart, FreeTarget, HostPort, HotplugLimits, Interface, InterfaceKind,
    InterfaceSource, InterfaceSpec, LiveOverlay, MaxCpusChange, Metadata, MetadataChange, Mounted, NewDomain,
    NotCopyable, NvramTemplate, Obstacle, OwnedVolume, Parent, RelatedState, RevertMark, Scope, SocketRole,
    SshAccess, StateMismatch, StoredDefinition, TopologyMismatch, UndefineOptions, VncEndpoint, VncServer,
    cdrom, free_target,
};
pub use error::{Error, Object, RefusalReason};
pub use event::{EventFeed, Notice};
pub use job::{JobBytes, JobOperation, JobOutcome, JobProgress};
pub use network::{
    HostUpdate, Lease, LeaseDelay, Network, NetworkDevice, NetworkIp, NetworkSpec, PortGroup, Reservation,
};
pub use save_image::{SaveImage, SaveImageError};
pub use snapshot::{
    DeleteScope, LiveImage, NewSnapshot, RevertOptions, RevertTo, Snapshot, SnapshotChange, SnapshotDisk,
    SnapshotDiskKind, SnapshotDocument, SnapshotKind, SnapshotMade, SnapshotRecord, SnapshotState,
};
pub use storage::{Pool, PoolContents, PoolKind, Volume, VolumeKind, VolumeSpec};
pub use xml::{Element, Node, XmlError};

pub use crate::system::process::Failsafe;
