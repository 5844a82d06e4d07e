use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::command::{
    AgentInfo, Command, FreezeState, FsfreezeStatus, Info, Ping, SetTime, Shutdown, ShutdownMode,
};
use super::error::Error;
use super::refusal::{Refusal, RefusalKind};
use super::transport::{Failure, Transport};
use super::wire::{REQUEST_LIMIT, Reply, parse, request};

/// How long [`Agent::ask`] waits for the reply. An agent that is idle answers within milliseconds; a guest that is
/// busy writing may hold it up for seconds.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The agent of one guest.
#[derive(Debug, Clone)]
pub struct Agent<T> {
    transport: T,
}

impl<T: Transport> Agent<T> {
    /// Nothing is asked yet.
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// [`Error::Refused`] when the agent does not do it; the others when there is no reply within
    /// [`ANSWER_WITHIN`].
    pub async fn ask<C: Command>(&self, command: &C) -> Result<C::Reply, Error<T::Error>> {
        self.ask_within(command, ANSWER_WITHIN).await
    }

    /// Asks one thing, with a deadline of its own.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_within<C: Command>(
        &self,
        command: &C,
        within: Duration,
    ) -> Result<C::Reply, Error<T::Error>> {
        match self.exchange(command, within).await {
            // 10.0's agent gives one message for two reasons. The state may be asked for whatever is frozen.
            Err(Error::Refused { command, refusal })
                if refusal.kind == RefusalKind::Disabled && self.is_frozen().await =>
            {
                let refusal = Refusal { kind: RefusalKind::Frozen, ..refusal };
                Err(Error::Refused { command, refusal })
            }
            other => other,
        }
    }

    /// Whether the agent is there and answers within that time.
    pub async fn answers(&self, within: Duration) -> bool {
        self.ask_within(&Ping, within).await.is_ok()
    }

    /// Which agent it is, and what it can do.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn info(&self) -> Result<AgentInfo, Error<T::Error>> {
        self.ask(&Info).await
    }

    /// Asks the guest to shut down, and gives it that time to refuse. The agent confirms it by going away, or not at
    /// all, so success is no sign that the guest does.
    ///
    /// # Errors
    /// When the agent is not there, or refuses.
    pub async fn shut_down(&self, mode: ShutdownMode, within: Duration) -> Result<(), Error<T::Error>> {
        match self.ask_within(&Shutdown { mode }, within).await {
            Ok(_) | Err(Error::Silent { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets the guest's clock to this host's, as after it was held or restored for a while.
    ///
    /// # Errors
    /// As [`ask`](Self::ask); [`RefusalKind::Unsupported`] where the guest lacks `hwclock`.
    pub async fn set_time_to_now(&self) -> Result<(), Error<T::Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = i64::try_from(now.as_nanos()).ok();
        self.ask(&SetTime { nanoseconds }).await.map(drop)
    }

    /// Whether the agent holds file systems frozen; no, when it doesn't say.
    pub async fn is_frozen(&self) -> bool {
        matches!(self.exchange(&FsfreezeStatus, ANSWER_WITHIN).await, Ok(FreezeState::Frozen))
    }

    /// Has a command ready that is sent by itself when nobody is left to send it: see [`Transport::arm`].
    pub(super) fn arm<C: Command>(
        &self,
        command: &C,
        after: Duration,
    ) -> Result<T::Failsafe, Error<T::Error>> {
        let request = request(command).map_err(|source| Error::Command { command: C::NAME, source })?;
        self.transport.arm(&request, after).map_err(Error::Transport)
    }

    async fn exchange<C: Command>(&self, command: &C, within: Duration) -> Result<C::Reply, Error<T::Error>> {
        let name = C::NAME;
        let request = request(command).map_err(|source| Error::Command { command: name, source })?;
        if request.len() > REQUEST_LIMIT {
            return Err(Error::RequestTooLong { command: name, length: request.len() });
        }
        let text = self.transport.exchange(&request, within).await.map_err(|failure| match failure {
            Failure::Absent(source) => Error::Absent { source },
            Failure::Silent(source) => Error::Silent { command: name, within, source },
            Failure::Refused(message) => Error::Refused { command: name, refusal: Refusal::new(&message) },
            Failure::ReplyTooLong => Error::ReplyTooLong { command: name },
            Failure::Other(source) => Error::Transport(source),
        })?;
        let not_understood = |source| Error::Reply { command: name, source };
        match parse(&text).map_err(not_understood)? {
            Reply::Return(value) => serde_json::from_str(value.get()).map_err(not_understood),
            Reply::Error(message) => Err(Error::Refused { command: name, refusal: Refusal::new(&message) }),
        }
    }
}

#[cfg(test)]
mod tests;
