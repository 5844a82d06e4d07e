use std::net::SocketAddr;

use crate::model::VmState;

/// What a wait sees while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitObservation {
    /// Nothing yet.
    Nothing,
    /// The state that the VM is in.
    State(VmState),
    /// The VM has no address.
    NoAddress,
    /// Nobody answers there.
    NoAnswer(SocketAddr),
    /// cloud-init has not ended.
    CloudInit {
        /// What it does, in its own words.
        detail: String,
    },
    /// ssh and the guest agent both can't ask the guest.
    NoAccess {
        /// The agent's error, in its words.
        agent: String,
    },
    /// An error that may pass.
    Error(String),
}

impl WaitObservation {
    pub(in crate::manager) fn error(error: impl std::error::Error) -> Self {
        Self::Error(error.to_string())
    }
}
