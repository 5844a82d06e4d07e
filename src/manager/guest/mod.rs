//! Reaching a guest: its addresses, ssh, the agent, its console and what it prints there; waiting for it.

pub(in crate::manager) mod agent;
mod console;
mod copy;
pub(in crate::manager) mod endpoint;
mod error;
mod exec;
mod freeze;
pub(in crate::manager) mod identity;
mod logs;
mod screen;
mod serial_log;
mod ssh_config;
mod view;
mod wait;

pub use agent::AgentError;
pub use console::{Console, ConsoleInput, ConsoleOutput};
pub use copy::{Copied, CopyBy, CopyError, CopyPlace, CopyRefusal, CopyRequest, FileCopy};
pub use endpoint::GuestEndpoint;
pub use error::{ConsoleError, EndpointError, ExecError, FreezeFault, ScreenError, WaitError};
pub use exec::{ExecRequest, Executed};
pub use logs::LogRequest;
pub use screen::{Screen, ScreenForward};
pub use ssh_config::SshHost;
pub use view::ScreenView;
pub use wait::WaitFor;

use super::operation::noun;

noun! {
    /// Where a guest is reached, what it prints, and waiting for it.
    GuestAccess
}

noun! {
    /// Commands in a guest by its agent.
    GuestAgent
}
