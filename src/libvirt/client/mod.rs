//! The connection to libvirt: one virsh that is kept open, and what is asked of the connection itself.

mod batch;
mod capabilities;
pub(in crate::libvirt) mod command;
mod console;
mod document;
mod documents;
mod handles;
mod record;
mod session;
mod versions;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

pub use capabilities::DomainCapabilities;
pub use console::{Console, Keyboard};
pub(in crate::libvirt) use document::{path_of, without_paths};
pub use documents::Definition;
pub use handles::{
    AgentChannel, DomainDefinitions, DomainHardware, DomainMetadata, Domains, Jobs, Pools, Snapshots,
    Statistics, VirtualNetworks, Volumes,
};
pub use versions::{Version, Versions};

use self::command::Command;
use self::record::Broken;
use self::session::{Reply, RunError, Session};
use super::Error;
use super::error::classify;
use crate::model::ConnectionUri;
use crate::system::process::LOG_TARGET;

/// A connection to libvirt: one virsh that is started at the first call and kept open.
///
/// ```text
///            first call            reply in time
///   closed ------------> speaking ---------------> open --+
///     ^                     |  ^                          |
///     |  deadline, virsh    |  +------- next call --------+
///     |  or daemon gone,    |
///     +-- call cancelled ---+
/// ```
///
/// Past a call's deadline, when virsh dies and when the caller cancels a call (its future is dropped),
/// virsh is killed; the next call starts another one. libvirt may still finish what such a call began.
///
/// A connection runs one call at a time: a second call waits for the first. What has to go on beside a call that takes
/// long, or must not be held up by one that hangs, is asked on a second connection ([`Client::second`]), which is a
/// virsh of its own.
///
/// What it can be asked stands on its handles, one for each kind of object: [`Client::domains`], [`Client::volumes`], ..
pub struct Client {
    uri: ConnectionUri,
    session: Mutex<Option<Session>>,
}

impl Client {
    /// A client for the URI. Nothing is started yet.
    pub fn new(uri: ConnectionUri) -> Self {
        Self { uri, session: Mutex::new(None) }
    }

    /// A second connection to the same URI, independent of this one.
    pub fn second(&self) -> Self {
        Self::new(self.uri.clone())
    }

    /// The connection's URI.
    pub fn uri(&self) -> &ConnectionUri {
        &self.uri
    }

    /// Ends the open virsh, if there is one; the next call starts another.
    pub async fn disconnect(&self) {
        drop(self.session.lock().await.take());
    }

    /// Runs one command; its output, when it succeeded.
    pub(in crate::libvirt) async fn call(&self, command: Command) -> Result<String, Error> {
        let mut replies = self.call_each(std::slice::from_ref(&command)).await?;
        replies.pop().unwrap_or_else(|| Err(self.lost(command.display(), String::new())))
    }

    /// Runs independent commands in order, written ahead of their replies; a result for each. Each has its own
    /// deadline, from the reply before it on.
    ///
    /// # Errors
    /// When the connection fails. A command that libvirt refuses is an error in its own place only.
    pub(in crate::libvirt) async fn call_each(
        &self,
        commands: &[Command],
    ) -> Result<Vec<Result<String, Error>>, Error> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut slot = self.session.lock().await;
        let mut session = self.take_or_open(&mut slot)?;
        let mut results = Vec::with_capacity(commands.len());
        let mut last = Instant::now();
        let outcome = session.run(commands, |index, reply| {
            if let Some(command) = commands.get(index) {
                log_call(command, &mut last);
                results.push(self.read(reply, command));
            }
        });
        outcome.await.map_err(|error| self.failed(commands, error))?;
        // virsh would go on without its daemon, with an error at each command.
        if !results.iter().any(|result| result.as_ref().is_err_and(Error::is_connection)) {
            *slot = Some(session);
        }
        Ok(results)
    }

    /// The open session, or a new one. It is taken out, so that a call that is dropped or fails midway leaves no
    /// half-read session.
    fn take_or_open(&self, slot: &mut Option<Session>) -> Result<Session, Error> {
        match slot.take() {
            Some(session) => Ok(session),
            None => Session::open(&self.uri),
        }
    }

    /// Why these commands, run together, gave no results.
    fn failed(&self, commands: &[Command], error: RunError) -> Error {
        let display = |command: Option<&Command>| command.map(Command::display).unwrap_or_default();
        match error {
            RunError::Error(error) => error,
            RunError::Broken(broken) => self.broken(display(commands.last()), broken),
            RunError::TimedOut(index) => {
                let command = commands.get(index);
                let deadline = command.map(Command::deadline).unwrap_or_default();
                Error::TimedOut { uri: self.uri.to_string(), command: display(command), deadline }
            }
        }
    }

    /// Asks for nothing but an answer.
    ///
    /// # Errors
    /// Why there is none, such as [`Error::Denied`].
    pub async fn probe(&self) -> Result<(), Error> {
        self.call(Command::new("uri")).await.map(drop)
    }

    /// How long ago is too long: a bound for a transfer of this many bytes, at 5 MB/s and a minute.
    pub(in crate::libvirt) fn transfer_deadline(bytes: u64) -> Duration {
        Duration::from_secs(60 + bytes / 5_000_000)
    }

    fn read(&self, reply: Reply, command: &Command) -> Result<String, Error> {
        let stdout = String::from_utf8_lossy(&reply.stdout);
        log_output(command, &stdout);
        if reply.stderr.is_empty() {
            return Ok(stdout.into_owned());
        }
        log::trace!(target: LOG_TARGET, "stderr: {}", reply.stderr);
        Err(classify(self.uri.as_str(), &command.display(), &reply.stderr))
    }

    fn broken(&self, command: String, broken: Broken) -> Error {
        match broken {
            Broken::Ended(words) => match classify(self.uri.as_str(), &command, &words) {
                error @ (Error::Unreachable { .. } | Error::Denied { .. }) => error,
                _ => self.lost(command, words),
            },
            Broken::Flood => self.lost(command, "virsh printed without end".into()),
        }
    }

    fn lost(&self, command: String, message: String) -> Error {
        Error::Lost { uri: self.uri.to_string(), command, message }
    }
}

/// Notes for `-v` that the command was answered, and how long after the one before.
fn log_call(command: &Command, last: &mut Instant) {
    let now = Instant::now();
    log::debug!(target: LOG_TARGET, "{} ({} ms)", command.display(), (now - *last).as_millis());
    *last = now;
}

fn log_output(command: &Command, stdout: &str) {
    if !command.is_secret() {
        log::trace!(target: LOG_TARGET, "stdout: {stdout}");
    }
}
