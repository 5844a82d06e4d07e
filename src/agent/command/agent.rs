//! The agent itself, and the guest's power.

use serde::{Deserialize, Serialize};

use super::{Done, commands_with_arguments, plain_commands};

plain_commands! {
    /// Whether the agent is there. Allowed while file systems are frozen.
    Ping = "guest-ping" -> Done;
    /// Which agent it is, and what it can do. Allowed while file systems are frozen.
    Info = "guest-info" -> AgentInfo;
}

commands_with_arguments! {
    Shutdown = "guest-shutdown" -> Done;
}

/// The reply to [`Info`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AgentInfo {
    /// Its version, which is QEMU's, such as `10.0.2`.
    pub version: String,
    /// Its commands.
    #[serde(rename = "supported_commands")]
    pub commands: Vec<CommandInfo>,
}

impl AgentInfo {
    /// Whether the agent has the command and its administrator has not forbidden it.
    pub fn allows(&self, command: &str) -> bool {
        self.commands.iter().any(|info| info.name == command && info.enabled)
    }
}

/// One of the agent's commands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CommandInfo {
    /// Its name.
    pub name: String,
    /// Whether it is allowed now: by the guest's administrator, and while file systems are frozen.
    pub enabled: bool,
}

/// Asks the guest to shut down. The agent answers only when it does not do so: see
/// [`Agent::shut_down`](crate::agent::Agent::shut_down).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shutdown {
    /// How.
    pub mode: ShutdownMode,
}

/// How the guest is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ShutdownMode {
    /// Powered off.
    Powerdown,
    /// Stopped without being powered off.
    Halt,
    /// Started anew.
    Reboot,
}
