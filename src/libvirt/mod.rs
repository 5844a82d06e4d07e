//! libvirt by way of virsh: one open virsh per connection, typed errors, XML both ways.
//!
//! This is the room where a VM is called a domain. [`Client`] asks and acts; the parsers of what virsh
//! prints are pure functions with tests on recorded output.

mod addresses;
mod client;
mod command;
mod console;
mod domain;
mod domain_hardware;
mod domain_spec;
mod domains;
mod domstats;
mod error;
mod metadata;
mod network;
mod networks;
mod session;
mod storage;
mod volume_copy;
mod xml;

pub use addresses::{Address, AddressSource};
pub use client::{Client, Version, Versions};
pub use console::ConsoleProcess;
pub use domain::{Disk, Domain, Interface};
pub use domain_spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
pub use domains::{DomainId, Scope, ShutdownMode};
pub use domstats::DomainStats;
pub use error::{Error, Object};
pub use metadata::{Metadata, OwnedVolume, SshAccess};
pub use network::Network;
pub use storage::{Pool, Volume, VolumeSpec};
pub use xml::{Element, Node, XmlError};
