//! Files in the guest. What was opened stays open until it is closed, or the agent ends.

use serde::{Deserialize, Serialize};

use super::{Done, commands_with_arguments};
use crate::agent::wire::base64;

commands_with_arguments! {
    FileOpen = "guest-file-open" -> FileHandle;
    FileRead = "guest-file-read" -> FileChunk;
    FileWrite = "guest-file-write" -> FileWritten;
    FileFlush = "guest-file-flush" -> Done;
    FileClose = "guest-file-close" -> Done;
}

/// Opens a file, as the agent's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileOpen {
    /// Its path; one that is not absolute is of the agent's working directory, usually the root.
    pub path: String,
    /// What for.
    pub mode: FileMode,
}

/// What a file is opened for, as `fopen` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FileMode {
    /// To be read; it must be there.
    #[serde(rename = "r")]
    Read,
    /// To be written anew; made with mode 0666 and the agent's umask, or emptied.
    #[serde(rename = "w")]
    Write,
    /// To be written to its end; made if it is not there.
    #[serde(rename = "a")]
    Append,
}

/// The reply to [`FileOpen`]: an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileHandle(i64);

/// Reads on in an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileRead {
    /// The file.
    pub handle: FileHandle,
    /// How much at most, in bytes. The agent takes up to 48 MiB; the reply has to fit into
    /// [`REPLY_LIMIT`](crate::agent::REPLY_LIMIT), in base64.
    pub count: usize,
}

/// The reply to [`FileRead`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChunk {
    /// What was read.
    #[serde(rename = "buf-b64", with = "base64")]
    pub bytes: Vec<u8>,
    /// Whether the file's end was met.
    pub eof: bool,
}

/// Writes on in an open file. What the agent buffers goes out at [`FileFlush`] or [`FileClose`], which tell no error
/// of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileWrite {
    /// The file.
    pub handle: FileHandle,
    /// What.
    #[serde(rename = "buf-b64", with = "base64")]
    pub bytes: Vec<u8>,
}

/// The reply to [`FileWrite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct FileWritten {
    /// How much was written, in bytes.
    pub count: u64,
}

/// Hands what the agent has buffered to the guest's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileFlush {
    /// The file.
    pub handle: FileHandle,
}

/// Closes an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileClose {
    /// The file.
    pub handle: FileHandle,
}
