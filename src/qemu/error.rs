use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wire;

/// Why a question to QEMU has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody was reached: the cause's kind tells a socket that is not there (`NotFound`), one that nobody
    /// listens on any more (`ConnectionRefused`) and one that this user may not use (`PermissionDenied`).
    #[error("cannot connect to QEMU at {}", .socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection was taken, or queued, and no greeting came: QEMU greets one client at a time, so
    /// another one has the monitor, or QEMU hangs.
    #[error("QEMU at {} sent no greeting within {within:?}", .socket.display())]
    Busy {
        /// The socket.
        socket: PathBuf,
        /// How long it had.
        within: Duration,
    },
    /// No reply in time.
    #[error("QEMU at {} did not answer {command} within {within:?}", .socket.display())]
    TimedOut {
        /// The socket.
        socket: PathBuf,
        /// The command.
        command: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// QEMU ended, or ended the connection.
    #[error("QEMU closed the connection at {}", .socket.display())]
    Closed {
        /// The socket.
        socket: PathBuf,
        /// What the system said; an end of file says nothing.
        #[source]
        source: Option<io::Error>,
    },
    /// A line longer than [`LINE_LIMIT`](super::LINE_LIMIT).
    #[error("QEMU at {} sent a line of more than {} MiB", .socket.display(), wire::LINE_LIMIT >> 20)]
    TooLong {
        /// The socket.
        socket: PathBuf,
    },
    /// What came is not QMP.
    #[error("the server at {} does not speak QMP", .socket.display())]
    Malformed {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        #[source]
        source: wire::Malformed,
    },
    /// The reply is QMP, but not of the form that this command's replies have. The connection is still good.
    #[error("cannot understand QEMU's reply to {command}")]
    Reply {
        /// The command.
        command: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// QEMU refused the command. The connection is still good.
    #[error("QEMU refused {command}: {message}")]
    Refused {
        /// The command.
        command: &'static str,
        /// `GenericError`, `CommandNotFound`, `DeviceNotActive`, `DeviceNotFound`, `KVMMissingCap`
        /// (qapi/error.json).
        class: String,
        /// For people, not to be parsed.
        message: String,
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
    /// An earlier call broke the connection: connect again.
    #[error("the connection to QEMU at {} is broken", .socket.display())]
    Unusable {
        /// The socket.
        socket: PathBuf,
    },
}

impl Error {
    /// Whether another connection, now or later, may bring an answer.
    pub fn is_broken_connection(&self) -> bool {
        !matches!(self, Self::Reply { .. } | Self::Refused { .. } | Self::Command { .. })
    }

    /// Whether QEMU does not know the command: an older version, or built without it.
    pub fn is_unknown_command(&self) -> bool {
        matches!(self, Self::Refused { class, .. } if class == "CommandNotFound")
    }

    pub(super) fn of_wire(socket: &Path, error: wire::Error) -> Self {
        let socket = socket.to_owned();
        match error {
            wire::Error::TooLong => Self::TooLong { socket },
            wire::Error::Malformed(source) => Self::Malformed { socket, source },
        }
    }
}
