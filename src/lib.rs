//! vmtools: from nothing to a virtual machine that answers ssh, on libvirt and QEMU/KVM.
//!
//! ```text
//! src/
//!   main.rs        parse, run, exit code; nothing else
//!   cli/        1  the only room that prints, prompts or exits
//!   manager/    2  VmManager: what a person does to a VM; order, checks, roll-back
//!   libvirt/    3  virsh: the client, domain XML both ways, pure parsers, its typed errors
//!   qemu/       3  QMP: the client, its wire, the commands that only ask
//!   agent/      3  QEMU's guest agent: the client, the commands, what its refusals mean
//!   config/     3  config.toml and templates
//!   image/      4  image headers, the catalogue, downloads, the store
//!   seed/       4  cloud-init, Ignition, MIME, passwords: what a guest is told
//!   host/       4  is this host able? KVM, tools, rights, groups
//!   guest/      4  reaching the guest: ssh and its keys, banners, cloud-init's result
//!   system/     5  processes, files, environment: knows nothing of VMs
//!   model/         the vocabulary: VmName, VmState, MemorySize, DiskSize, ConnectionUri
//! ```
//!
//! Arrows point down only; tests/architecture.rs holds who may import whom. One command, followed
//! through, stands in the docs of [`manager`].

pub mod cli;
pub mod manager;

pub mod agent;
pub mod config;
pub mod libvirt;
pub mod qemu;

pub mod guest;
pub mod host;
pub mod image;
pub mod seed;

pub mod system;

pub mod model;
