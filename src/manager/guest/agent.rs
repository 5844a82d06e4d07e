//! A guest's agent, by way of libvirt.

use std::time::Duration;

use crate::agent::{self, Failure, TransferError, Transport};
use crate::libvirt;
use crate::manager::guest::GuestAgent;
use crate::manager::{CopyError, Error};
use crate::model::Uuid;

/// Why a guest's agent did not do what it was asked for.
pub type AgentError = agent::Error<libvirt::Error>;

/// The agent of one guest.
pub(in crate::manager) type AgentClient<'a> = agent::Agent<ByLibvirt<'a>>;

/// The way to the agent of one VM's guest: the channel that libvirt keeps to it.
#[derive(Clone)]
pub(in crate::manager) struct ByLibvirt<'a> {
    agent: libvirt::AgentChannel<'a>,
    uuid: Uuid,
    is_secret: bool,
}

impl<'a> GuestAgent<'a> {
    /// The agent of a VM's guest.
    pub(in crate::manager) fn client(&self, uuid: Uuid) -> AgentClient<'a> {
        agent_at(self.op.client().agent(), uuid)
    }

    /// The same for requests that hold secrets, which are not logged.
    pub(in crate::manager) fn secret_client(&self, uuid: Uuid) -> AgentClient<'a> {
        let agent = self.op.client().agent();
        agent::Agent::new(ByLibvirt { agent, uuid, is_secret: true })
    }

    /// The same over the second connection, so that an agent that doesn't answer holds nothing else up.
    pub(in crate::manager) fn second_client(&self, uuid: Uuid) -> AgentClient<'a> {
        agent_at(self.op.second_client().agent(), uuid)
    }
}

fn agent_at<'a>(agent: libvirt::AgentChannel<'a>, uuid: Uuid) -> AgentClient<'a> {
    agent::Agent::new(ByLibvirt { agent, uuid, is_secret: false })
}

impl Transport for ByLibvirt<'_> {
    type Error = libvirt::Error;
    type Failsafe = libvirt::Failsafe;

    async fn exchange(&self, request: &str, within: Duration) -> Result<String, Failure<libvirt::Error>> {
        use libvirt::Error as E;
        let reply = match self.is_secret {
            true => self.agent.secret_command(self.uuid, request, within).await,
            false => self.agent.command(self.uuid, request, within).await,
        };
        reply.map_err(|error| match error {
            E::Agent { .. } => Failure::Absent(error),
            E::AgentSilent { .. } => Failure::Silent(error),
            E::AgentRefused { message } => Failure::Refused(message),
            E::AgentAnswerTooLong => Failure::ReplyTooLong,
            _ => Failure::Other(error),
        })
    }

    fn arm(&self, request: &str, after: Duration) -> Result<libvirt::Failsafe, libvirt::Error> {
        self.agent.arm_failsafe(self.uuid, request, after)
    }
}

impl agent::Failsafe for libvirt::Failsafe {
    async fn disarm(self) {
        self.disarm().await;
    }
}

impl From<AgentError> for Error {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Transport(error) => Self::Libvirt(error),
            error => Self::Agent(error),
        }
    }
}

impl From<TransferError<libvirt::Error>> for Error {
    fn from(error: TransferError<libvirt::Error>) -> Self {
        match error {
            TransferError::Agent(error) => error.into(),
            TransferError::Local(source) => CopyError::Stream(source).into(),
        }
    }
}
