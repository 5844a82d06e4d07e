//! A client for the QEMU guest agent (qemu-ga), which runs commands inside a guest: the protocol is
//! `qga/qapi-schema.json` of QEMU's sources.
//!
//! - [`Agent`]: sends typed commands over a [`Transport`], and combines them:
//!   [run a program to its end](Agent::run), [read](Agent::read_file) and [write](Agent::write_file) a file,
//!   [freeze the file systems](Agent::freeze) with a limit that holds even if this process is killed.
//! - [`Command`]: the commands that can be sent, each with the type of its reply.
//! - [`Refusal`]: an error of the agent, classified. The only place that parses its messages.
//!
//! The caller provides the [`Transport`], such as libvirt's `virsh qemu-agent-command` or the socket of the channel:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use vmtools::agent::{Agent, Error, Exec, Transport};
//!
//! async fn kernel<T: Transport>(transport: T) -> Result<String, Error<T::Error>> {
//!     let agent = Agent::new(transport);
//!     println!("version {}", agent.info().await?.version);
//!
//!     // A program that runs for too long is terminated; `stop` would cancel it earlier.
//!     let (timeout, stop) = (Some(Duration::from_secs(10)), std::future::pending());
//!     let run = agent.run(&Exec::new("uname").args(["-r"]), timeout, stop).await?;
//!     let stdout = run.exit.map(|exit| exit.stdout).unwrap_or_default();
//!     Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
//! }
//! ```
//!
//! ```text
//! ask --request--> Transport --reply--> {"return": ..} -> the command's own reply type, else Error::Reply
//!         |            |                {"error": ..}  -> Error::Refused, with a RefusalKind
//!         |            +-- Absent: no agent has the channel open
//!         |            +-- Silent: no answer in time; the agent may still do it
//!         |            +-- ReplyTooLong: it did it, what it said is lost
//!         +-- RequestTooLong: not sent, since it would hang the agent
//! ```
//!
//! The agent answers one request after the other, and has no streams: what a program prints comes as one piece at
//! its end, and files go through in chunks. Requests are printable ASCII, which every transport can carry; libvirt's
//! is `virsh qemu-agent-command`, which synchronises with the agent itself (`guest-sync`) before each one.

mod client;
mod command;
mod error;
mod file;
mod freeze;
mod process;
mod refusal;
mod transport;
mod wire;

pub use client::{ANSWER_WITHIN, Agent};
pub use command::*;
pub use error::Error;
pub use file::TransferError;
pub use freeze::{Frozen, NotFrozen, Thaw};
pub use process::{End, Exit, ExitStatus, INPUT_LIMIT, Process, Run};
pub use refusal::{Refusal, RefusalKind};
pub use transport::{Failsafe, Failure, Transport};
pub use wire::{REPLY_LIMIT, REQUEST_LIMIT, request};

#[cfg(test)]
mod fake;
