//! A client for QEMU's monitor protocol (QMP, `docs/interop/qmp-spec.rst` of QEMU's sources), to inspect a running VM.
//!
//! - [`Connection`]: one connection. It does not reconnect: another QEMU may listen on the same socket by then, with
//!   other devices.
//! - [`Command`]: the commands that can be sent. All of them are queries; nothing can be changed.
//! - [`Event`]: an event of QEMU. Events are queued, up to a limit, while a reply is awaited.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use vmtools::qemu::{Connection, QueryBlockStats, QueryStatus};
//!
//! # async fn inspect() -> Result<(), vmtools::qemu::Error> {
//! let socket = Path::new("/run/vm/qmp.sock");
//! let mut qemu = Connection::connect(socket, Duration::from_secs(1)).await?;
//! println!("{}", qemu.run(&QueryStatus).await?.status);
//!
//! // Several queries in one round trip; each has a result of its own.
//! let (status, disks) = qemu.run_all(&(QueryStatus, QueryBlockStats::default())).await?;
//! println!("running: {}, disks: {}", status?.running, disks?.len());
//!
//! let event = qemu.event().await?;
//! println!("{} {}", event.name, event.data_json());
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! connect --greeting, qmp_capabilities--> ready --run--> ready
//!    |                                      |
//!    +-- Connect: nobody listens            +-- Refused, Reply: this command failed; still ready
//!    +-- Busy: no greeting, another         +-- TimedOut, Closed, TooLong, Malformed: broken
//!        client has the monitor             +-- Unusable: it was broken before
//! ```
//!
//! QEMU serves one client at a time on each socket. libvirt holds its own, so a VM needs a second monitor; vmtools adds
//! one to each VM that it creates.

mod batch;
mod client;
mod command;
mod error;
mod event;
mod wire;

pub use batch::Batch;
pub use client::{Connection, REPLY_WITHIN};
pub use command::*;
pub use error::Error;
pub use event::Event;
pub use wire::{LINE_LIMIT, Malformed};
