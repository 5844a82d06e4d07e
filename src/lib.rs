//! vmtools: from nothing to a virtual machine that answers ssh, on libvirt and QEMU/KVM.
//!
//! ```text
//! src/
//!   main.rs        parse, run, exit code; nothing else
//!   cli/        1  the only room that prints, prompts or exits
//!   problem/    2  every layer's error in words: kind (the exit code), message, causes, hint
//!   manager/    3  VmManager: what a person does to a VM; order, checks, roll-back
//!   libvirt/    4  virsh: the client, domain XML both ways, pure parsers, its typed errors
//!   qemu/       4  QMP: the client, its wire, the commands that only ask
//!   agent/      4  QEMU's guest agent: the client, the commands, what its refusals mean
//!   config/     4  config.toml and templates
//!   image/      5  image headers, chains, the catalogue, downloads, the store
//!   seed/       5  cloud-init, Ignition, MIME, passwords: what a guest is told
//!   host/       5  is this host able? KVM, tools, rights, groups
//!   guest/      5  reaching the guest: ssh and its keys, banners, cloud-init's result
//!   system/     6  processes, files, environment: knows nothing of VMs
//!   model/         the vocabulary: VmName, VmState, MemorySize, DiskSize, ConnectionUri
//! ```
//!
//! Arrows point down only; tests/architecture.rs holds who may import whom. One command, followed
//! through, stands in the docs of [`manager`].

pub mod cli;

pub mod problem;

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
