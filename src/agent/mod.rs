//! QEMU's guest agent (qemu-ga), which does inside a running guest what it is asked for: the protocol is
//! `qga/qapi-schema.json` of QEMU's sources.
//!
//! - [`Agent`]: sends typed commands over a [`Transport`], and does with several of them what one is not enough for:
//!   [run a program to its end](Agent::run), [read](Agent::read_file) and [write](Agent::write_file) a file,
//!   [freeze the file systems](Agent::freeze) for no longer than they may be, whatever becomes of this process.
//! - [`Command`]: the commands that can be sent, each with its reply's type.
//! - [`Refusal`]: why the agent did not do it. Its English is read there and nowhere else.
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
