//! Documents of which there are many: the definitions of all domains.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::command::Command;
use super::session::RunError;
use super::{Client, batch, log_call, log_output};
use crate::libvirt::{DomainDefinitions, Error, XmlError};
use crate::model::Uuid;

/// From this many on, a second virsh asks for a part of them: one of libvirt's and two of virsh's processes keep two
/// CPUs busy.
const SHARED_FROM: usize = 64;
/// How many more of them the open virsh takes: those that it reads while the other one starts. For `list` it reads the
/// counters, too.
const HEAD_START: usize = 10;
/// How long a definition may take: it is a millisecond, unless the domain's QEMU hangs amid a question, which may hold
/// it back without end.
const WITHIN: Duration = Duration::from_secs(5);
/// How long the others may take after one has hung.
const AFTER_HANG: Duration = Duration::from_secs(1);

/// Which definition of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// That of the running domain, if it runs.
    Current,
    /// That which its next start will use.
    Stored,
}

impl Definition {
    fn words(self) -> &'static str {
        match self {
            Self::Current => "dumpxml",
            Self::Stored => "dumpxml --inactive",
        }
    }
}

/// What runs the commands.
#[derive(Clone, Copy)]
enum Runner {
    /// The open virsh.
    Session,
    /// One of their own, which gets them as its argument.
    Batch,
}

/// Called with each document, by its place among those asked for.
type Sink<'a> = Mutex<&'a mut (dyn FnMut(usize, Result<&str, Error>) + Send)>;

impl DomainDefinitions<'_> {
    /// Reads many definitions, and gives each when it comes, with its UUID. None is kept. One that can't be read is an
    /// error in its own place: [`Error::NotFound`] when it is gone, [`Error::TimedOut`] when its QEMU holds it back,
    /// [`Error::Unexpected`] when it is not understood.
    ///
    /// # Errors
    /// When the connection fails, or the daemon itself gives no answer.
    pub async fn for_each<T>(
        self,
        uuids: &[Uuid],
        definition: Definition,
        parse: fn(&str) -> Result<T, XmlError>,
        mut each: impl FnMut(Uuid, Result<T, Error>) + Send,
    ) -> Result<(), Error> {
        let words = definition.words();
        let mut parsed = |index: usize, document: Result<&str, Error>| {
            let Some(&uuid) = uuids.get(index) else { return };
            let domain = document.and_then(|document| {
                parse(document).map_err(|error| Error::Unexpected {
                    command: format!("virsh {words} {uuid}"),
                    reason: error.to_string(),
                })
            });
            each(uuid, domain);
        };
        self.client.documents(words, uuids, &mut parsed).await
    }
}

impl Client {
    /// Runs a command that prints a document for each of the UUIDs, and tells each document when it comes.
    ///
    /// # Errors
    /// As [`DomainDefinitions::for_each`].
    pub(in crate::libvirt) async fn documents(
        &self,
        words: &str,
        uuids: &[Uuid],
        each: &mut (dyn FnMut(usize, Result<&str, Error>) + Send),
    ) -> Result<(), Error> {
        let commands: Vec<Command> =
            uuids.iter().map(|uuid| Command::new(words).uuid(*uuid).within(WITHIN)).collect();
        let sink: Sink<'_> = Mutex::new(each);
        if commands.len() < SHARED_FROM {
            return self.share_of_documents(Runner::Session, &commands, 0, &sink).await;
        }
        let (first, rest) = commands.split_at((commands.len() + HEAD_START) / 2);
        tokio::try_join!(
            self.share_of_documents(Runner::Session, first, 0, &sink),
            self.share_of_documents(Runner::Batch, rest, first.len(), &sink)
        )?;
        Ok(())
    }

    /// The documents of these commands, the first of which has the place `offset`.
    async fn share_of_documents(
        &self,
        runner: Runner,
        commands: &[Command],
        offset: usize,
        sink: &Sink<'_>,
    ) -> Result<(), Error> {
        let on_document = |index: usize, document: Result<&str, Error>| {
            let mut each = sink.lock().unwrap_or_else(PoisonError::into_inner);
            each(offset + index, document);
        };
        let mut failed = Vec::new();
        let (mut begun, mut within) = (0, WITHIN);
        while let Some(rest) = commands.get(begun..).filter(|rest| !rest.is_empty()) {
            let rest = rest.get(..batch::MOST).unwrap_or(rest);
            let outcome = self.run_documents(runner, rest, within, |index, document| match document {
                "" => failed.push(begun + index),
                document => on_document(begun + index, Ok(document)),
            });
            match outcome.await? {
                None => begun += rest.len(),
                Some(hung) => {
                    let command = rest.get(hung).map(Command::display).unwrap_or_default();
                    let uri = self.uri.to_string();
                    on_document(begun + hung, Err(Error::TimedOut { uri, command, deadline: within }));
                    (begun, within) = (begun + hung + 1, AFTER_HANG);
                    // Else a daemon that hangs would be waited for once for each domain.
                    self.call(Command::new("uri").within(WITHIN)).await?;
                }
            }
        }
        // Which of them which message is about, only a run of its own tells.
        for index in failed {
            let Some(command) = commands.get(index) else { continue };
            match self.call(command.clone()).await {
                Err(error) if error.is_connection() && !matches!(error, Error::TimedOut { .. }) => {
                    return Err(error);
                }
                Ok(document) => on_document(index, Ok(&document)),
                Err(error) => on_document(index, Err(error)),
            }
        }
        Ok(())
    }

    /// Tells each document, an empty one for a command that failed. The place of the command that hung, if one did.
    async fn run_documents(
        &self,
        runner: Runner,
        commands: &[Command],
        within: Duration,
        mut each: impl FnMut(usize, &str),
    ) -> Result<Option<usize>, Error> {
        let mut last = Instant::now();
        let on_document = |index: usize, document: &[u8]| {
            let document = String::from_utf8_lossy(document);
            if let Some(command) = commands.get(index) {
                log_call(command, &mut last);
                log_output(command, &document);
            }
            each(index, &document);
        };
        let outcome = match runner {
            Runner::Batch => batch::run_documents(&self.uri, commands, within, on_document).await,
            Runner::Session => {
                let mut slot = self.session.lock().await;
                let mut session = self.take_or_open(&mut slot)?;
                let outcome = session.run_documents(commands, within, on_document).await;
                if outcome.is_ok() {
                    *slot = Some(session);
                }
                outcome
            }
        };
        match outcome {
            Ok(()) => Ok(None),
            Err(RunError::TimedOut(index)) => Ok(Some(index)),
            Err(error) => Err(self.failed(commands, error)),
        }
    }
}
