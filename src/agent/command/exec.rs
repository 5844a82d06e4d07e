//! Programs in the guest.

use serde::{Deserialize, Serialize};

use super::commands_with_arguments;
use crate::agent::wire::base64;

commands_with_arguments! {
    Exec = "guest-exec" -> Started;
    ExecStatus = "guest-exec-status" -> ExecState;
}

/// Starts a program, as the agent's user (usually root) and in its environment, without a shell. What it prints is
/// kept by the agent, up to 16 MiB of each stream, until its state is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exec {
    /// The program, looked up in the agent's PATH unless there is a slash in it.
    path: String,
    #[serde(rename = "arg")]
    arguments: Vec<String>,
    #[serde(rename = "env", skip_serializing_if = "Vec::is_empty")]
    environment: Vec<String>,
    #[serde(rename = "input-data", skip_serializing_if = "Vec::is_empty", with = "base64")]
    input: Vec<u8>,
    capture_output: bool,
}

impl Exec {
    /// A program, looked up in the agent's PATH unless there is a slash in it. It has nothing to read.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            path: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            input: Vec::new(),
            capture_output: true,
        }
    }

    /// A `sh` script, with what is `$1` and so on in it.
    pub fn shell<A: Into<String>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::new("sh").args(["-c", script, "sh"]).args(arguments)
    }

    /// With more arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable beside the agent's own ones, or in place of one.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// With that to read, at most [`INPUT_LIMIT`](crate::agent::INPUT_LIMIT).
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.path
    }
}

/// The reply to [`Exec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// The process' id in the guest.
    pub pid: i64,
}

/// The state of a process that the agent has started. Once it has reported that the process has ended, it knows it no
/// more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExecStatus {
    /// The process' id.
    pub pid: i64,
}

/// The reply to [`ExecStatus`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecState {
    /// Whether it has ended, and whatever it left running has closed its output.
    pub exited: bool,
    /// Its exit status. Windows has 32 bits of it, which come with a sign from some agents.
    #[serde(default)]
    pub exitcode: Option<i64>,
    /// The signal that ended it; of Windows the unhandled exception (0xC0000000 and above), which may come with a sign.
    #[serde(default)]
    pub signal: Option<i64>,
    /// What it printed; comes at its end only.
    #[serde(default, with = "base64")]
    pub out_data: Vec<u8>,
    /// What it printed on standard error.
    #[serde(default, with = "base64")]
    pub err_data: Vec<u8>,
    /// Whether the agent kept only the beginning of what it printed.
    #[serde(default)]
    pub out_truncated: bool,
    /// The same for standard error.
    #[serde(default)]
    pub err_truncated: bool,
}
