use std::time::Duration;

use super::refusal::{Refusal, RefusalKind};
use super::wire::{REPLY_LIMIT, REQUEST_LIMIT};

/// Why the agent did not do what it was asked for, or nobody knows whether it did. `E` is the transport's own error.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// The VM has no channel for an agent, or none has it open.
    #[error("no guest agent is connected")]
    Absent {
        /// What the transport said.
        #[source]
        source: E,
    },
    /// The agent is there, and gave no answer in time. It may have done, or still do, what it was asked for.
    #[error("the guest agent did not answer {command} within {}", humantime::format_duration(*.within))]
    Silent {
        /// The command.
        command: &'static str,
        /// The time that it had.
        within: Duration,
        /// What the transport said.
        #[source]
        source: E,
    },
    /// The agent answered that it does not.
    #[error("the guest agent refused {command}: {refusal}")]
    Refused {
        /// The command.
        command: &'static str,
        /// Why.
        refusal: Refusal,
    },
    /// The command was carried out, but the reply is longer than the transport carries, and is lost.
    #[error("the guest agent's reply to {command} is longer than {} MiB", REPLY_LIMIT >> 20)]
    ReplyTooLong {
        /// The command.
        command: &'static str,
    },
    /// The request is longer than the agent can be given, and was not sent.
    #[error("the request {command} is longer than {} KiB", REQUEST_LIMIT >> 10)]
    RequestTooLong {
        /// The command.
        command: &'static str,
        /// Its length, in bytes.
        length: usize,
    },
    /// What came is no reply to this command.
    #[error("cannot understand the guest agent's reply to {command}")]
    Reply {
        /// The command.
        command: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The command could not be written as JSON.
    #[error("cannot write the command {command}")]
    Command {
        /// The command.
        command: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The agent wrote less of a file than it was given.
    #[error("the guest agent wrote {written} of {length} bytes")]
    ShortWrite {
        /// What it wrote of the last chunk, in bytes.
        written: u64,
        /// The last chunk's length, in bytes.
        length: usize,
    },
    /// Something else on the way.
    #[error(transparent)]
    Transport(E),
}

impl<E: std::error::Error + 'static> Error<E> {
    /// Why the agent refused, if it did.
    pub fn refusal(&self) -> Option<RefusalKind> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.kind),
            _ => None,
        }
    }

    /// Whether no agent answers: there is none, or it hangs.
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::Silent { .. })
    }
}
