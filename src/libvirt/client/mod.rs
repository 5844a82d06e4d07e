//! The connection to libvirt: one virsh that is kept open, and what is asked of the connection itself.

mod capabilities;
pub(in crate::libvirt) mod command;
mod console;
mod session;
mod versions;

use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

pub use capabilities::DomainCapabilities;
pub use console::Console;
pub use versions::{Version, Versions};

use self::command::{Command, QUESTION};
use self::session::{Broken, Reply, RunError, Session};
use super::Error;
use super::error::classify;
use super::xml::Element;
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
///     +-- call given up ----+
/// ```
///
/// Past a call's deadline, when virsh dies and when the caller gives a call up (its future is dropped),
/// virsh is killed; the next call starts another one. libvirt may still finish what such a call began.
pub struct Client {
    uri: ConnectionUri,
    session: Mutex<Option<Session>>,
}

impl Client {
    /// A client for the URI. Nothing is started yet.
    pub fn new(uri: ConnectionUri) -> Self {
        Self { uri, session: Mutex::new(None) }
    }

    /// The connection's URI.
    pub fn uri(&self) -> &ConnectionUri {
        &self.uri
    }

    /// Ends the open virsh, if there is one; the next call starts another. For who has no more to ask for long.
    pub async fn rest(&self) {
        drop(self.session.lock().await.take());
    }

    /// Runs one command; its output, when it succeeded.
    pub(in crate::libvirt) async fn call(&self, command: Command) -> Result<String, Error> {
        let mut replies = self.call_each(std::slice::from_ref(&command)).await?;
        replies.pop().unwrap_or_else(|| Err(self.lost(&command, String::new())))
    }

    /// Runs independent commands in order, written ahead of their replies; a result for each. The
    /// deadline is that of the longest.
    ///
    /// # Errors
    /// When the connection fails. A command that libvirt refuses is an error in its own place only.
    pub(in crate::libvirt) async fn call_each(
        &self,
        commands: &[Command],
    ) -> Result<Vec<Result<String, Error>>, Error> {
        let Some(last) = commands.last() else {
            return Ok(Vec::new());
        };
        let deadline = commands.iter().map(Command::deadline).max().unwrap_or(QUESTION);
        let mut slot = self.session.lock().await;
        let started = Instant::now();
        // Taken out, so that a call that is dropped or fails midway leaves no half-read session.
        let mut session = match slot.take() {
            Some(session) => session,
            None => Session::open(&self.uri)?,
        };
        let outcome = tokio::time::timeout(deadline, session.run(commands)).await;
        for command in commands {
            log::debug!(target: LOG_TARGET, "{} ({} ms)", command.display(), started.elapsed().as_millis());
        }
        let replies = match outcome {
            Err(_) => {
                // The one that hangs, not those that wait behind it.
                let hung = commands.get(session.answered()).unwrap_or(last);
                let (uri, command) = (self.uri.to_string(), hung.display());
                return Err(Error::TimedOut { uri, command, deadline });
            }
            Ok(Err(RunError::Error(error))) => return Err(error),
            Ok(Err(RunError::Broken(broken))) => return Err(self.broken(last, broken)),
            Ok(Ok(replies)) => replies,
        };
        let results: Vec<_> =
            replies.into_iter().zip(commands).map(|(reply, command)| self.read(reply, command)).collect();
        // virsh would go on without its daemon, with an error at each command.
        if !results.iter().any(|result| result.as_ref().is_err_and(Error::is_connection)) {
            *slot = Some(session);
        }
        Ok(results)
    }

    /// The file for a command's option that takes one: virsh reads the document from it. The file has no
    /// name, so it is gone with this process, however that ends.
    pub(in crate::libvirt) fn handover(document: &[u8]) -> Result<Handover, Error> {
        let mut file = tempfile::tempfile().map_err(Error::Handover)?;
        file.write_all(document).and_then(|()| file.rewind()).map_err(Error::Handover)?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        Ok(Handover { path, _file: file })
    }

    /// As [`Client::handover`], for an XML document.
    pub(in crate::libvirt) fn handover_xml(
        &self,
        command: &str,
        element: &Element,
    ) -> Result<Handover, Error> {
        let document = element
            .to_document()
            .map_err(|error| Error::Unexpected { command: command.to_owned(), reason: error.to_string() })?;
        log::trace!(target: LOG_TARGET, "{command}: {document}");
        Self::handover(document.as_bytes())
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
        if !command.is_secret() {
            log::trace!(target: LOG_TARGET, "stdout: {}", String::from_utf8_lossy(&reply.stdout));
        }
        if reply.stderr.is_empty() {
            return Ok(String::from_utf8_lossy(&reply.stdout).into_owned());
        }
        log::trace!(target: LOG_TARGET, "stderr: {}", reply.stderr);
        Err(classify(self.uri.as_str(), &command.display(), &reply.stderr))
    }

    fn broken(&self, command: &Command, broken: Broken) -> Error {
        match broken {
            Broken::Ended(words) => match classify(self.uri.as_str(), &command.display(), &words) {
                error @ (Error::Unreachable { .. } | Error::Denied { .. }) => error,
                _ => self.lost(command, words),
            },
            Broken::Flood => self.lost(command, "virsh printed without end".into()),
        }
    }

    fn lost(&self, command: &Command, message: String) -> Error {
        Error::Lost { uri: self.uri.to_string(), command: command.display(), message }
    }
}

/// A document that virsh can read at `path` as long as this lives.
pub(in crate::libvirt) struct Handover {
    pub(in crate::libvirt) path: String,
    _file: std::fs::File,
}
