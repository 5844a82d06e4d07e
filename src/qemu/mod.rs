//! QEMU's monitor protocol (QMP), to look into a running VM: `docs/interop/qmp-spec.rst` of QEMU's sources.
//!
//! - [`Connection`]: one connection. One that broke is not made anew: behind the same socket another QEMU may answer, of
//!   which the caller knows neither the process nor the devices.
//! - [`Command`]: the commands that can be sent, which only ask. Nothing else can be.
//! - [`Event`]: what QEMU tells unasked. Events queue up, bounded, while replies are waited for.
//!
//! ```text
//! connect --greeting, qmp_capabilities--> ready --run--> ready
//!    |                                      |
//!    +-- Connect: nobody is there           +-- Refused, Reply: this answer failed; still ready
//!    +-- Busy: no greeting, another         +-- TimedOut, Closed, TooLong, Malformed: broken
//!        client has the monitor             +-- Unusable: it was broken before
//! ```
//!
//! Sockets are vmtools' own ones of each VM, never libvirt's: QEMU serves one client at a time on each.

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
