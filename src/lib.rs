//! vmtools creates virtual machines that answer ssh, and manages them, on libvirt and QEMU/KVM.
//!
//! The crate is first of all the command `vmtools`. Four of its modules depend on nothing of the rest but the
//! vocabulary in [`model`], and are useful in other programs:
//!
//! | module | what it is | start with |
//! |---|---|---|
//! | [`libvirt`] | an asynchronous client for libvirt, by way of one virsh that is kept open | [`libvirt::Client`] |
//! | [`qemu`] | a QMP client for queries and events | [`qemu::Connection`] |
//! | [`agent`] | a client for the QEMU guest agent, over any transport | [`agent::Agent`] |
//! | [`image`] | disk image headers and backing chains without qemu-img; a catalogue and a cache of cloud images | [`image::Chain`], [`image::Store`] |
//!
//! The page of each has an example. They run on Linux, inside a tokio runtime with I/O and time enabled (a
//! current-thread one is enough), and log through the `log` crate. Each has one error type, which names the operation
//! and the object and has the cause as its [`source`](std::error::Error::source).
//!
//! # Stability
//!
//! Semantic versioning covers the command line, its exit codes and its JSON. It does not cover the Rust API: items of
//! the four modules above and of [`model`] may change in any minor release, 1.x included, so depend on
//! `vmtools = "~0.1.0"`. All other modules are public only for the `vmtools` binary and its tests, and may change
//! in any release.
//!
//! # Modules
//!
//! ```text
//! src/
//!   main.rs        parses, runs, exits; nothing else
//!   cli/        1  the command line: the only module that prints, prompts or exits
//!   problem/    2  turns every error into a message, its causes, a hint and an exit code
//!   manager/    3  operations on VMs: order, checks, roll-back
//!   libvirt/    4  virsh: the client, domain XML, parsers, typed errors
//!   qemu/       4  QMP: the client, its wire format, read-only commands
//!   agent/      4  the QEMU guest agent: the client, its commands, its errors
//!   config/     4  config.toml and templates
//!   image/      5  image headers, chains, the catalogue, downloads, the store
//!   seed/       5  first-boot configuration: cloud-init, Ignition, MIME, passwords
//!   host/       5  host capabilities: KVM, tools, permissions, groups
//!   guest/      5  guest access: ssh and its keys, banners, cloud-init's result
//!   system/     6  processes, files, environment: knows nothing of VMs
//!   model/         the vocabulary: VmName, VmState, MemorySize, DiskSize, ConnectionUri
//! ```
//!
//! A module imports only from modules with a higher number and from model; tests/architecture.rs enforces that. The
//! docs of [`manager`] follow one command from start to end.

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
