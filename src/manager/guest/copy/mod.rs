//! Copying between this host and a guest.

mod error;
mod host;
mod script;
mod transport;

pub use error::{CopyError, CopyRefusal};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::guest::{self, Output};
use crate::libvirt::{Domain, DomainId};
use crate::manager::guest::GuestAccess;
use crate::manager::guest::GuestAgent;
use crate::manager::operation::noun;
use crate::manager::undo::UndoStack;
use crate::manager::{Error, Event, Left, ReachError, VmError};
use crate::model::Uuid;
use host::Source;
use script::{CUT_OFF, Found, NOT_FOUND, Put, WRONG_KIND};
use transport::Transport;

/// How long may be spent on taking back what was begun.
const FAREWELL: Duration = Duration::from_secs(15);
/// What goes without a word of progress, in bytes.
const SMALL: u64 = 4 << 20;
/// How often it is looked whether the VM still runs: ssh takes a minute to find out.
const CHECK: Duration = Duration::from_secs(2);
/// How long ssh may take to let somebody in, before the agent is tried.
const KNOCK: Duration = Duration::from_secs(20);

/// One side of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyPlace {
    /// A path on this host.
    Host(PathBuf),
    /// The standard input or output.
    Stream,
    /// A path in a guest.
    Guest {
        /// The VM.
        vm: String,
        /// The path, from the user's home unless it begins with a slash.
        path: String,
    },
}

/// By which way a copy goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyBy {
    /// By ssh; by the agent where ssh lets nobody in.
    Auto,
    /// By ssh.
    Ssh,
    /// By the guest agent, as its user.
    Agent,
}

/// A copy that is wanted.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// What is copied.
    pub from: CopyPlace,
    /// Where to: a folder to put it in, or its new path.
    pub to: CopyPlace,
    /// Whether folders are taken, with all that is in them.
    pub recursive: bool,
    /// By which way.
    pub by: CopyBy,
    /// The user to log in as by ssh.
    pub user: Option<String>,
}

/// A copy that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Copied {
    /// The VM.
    pub name: String,
    /// By which way: `ssh` or `agent`.
    pub by: &'static str,
    /// The bytes that went through: of a file its size, of a folder that of its archive.
    pub bytes: u64,
}

noun! {
    /// Files copied between this host and a guest.
    FileCopy
}

impl FileCopy<'_> {
    /// Copies a file or folder between this host and a guest. What is there when it fails or is interrupted is
    /// what was there before, but for a folder that is copied into one of the same name.
    ///
    /// # Errors
    /// [`CopyError::NotFound`] and its kin, [`VmError::NotRunning`], those of ssh and of the agent.
    pub async fn copy(&self, request: &CopyRequest) -> Result<Copied, Error> {
        let vm = match (&request.from, &request.to) {
            (CopyPlace::Guest { .. }, CopyPlace::Guest { .. }) => return Err(CopyError::Sides.into()),
            (CopyPlace::Guest { vm, .. }, _) | (_, CopyPlace::Guest { vm, .. }) => vm,
            _ => return Err(CopyError::Sides.into()),
        };
        let id = self.op.client().domains().resolve(vm).await?;
        GuestAgent::of(self.op).refuse_silent(&id).await?;
        let domain = self.op.client().definitions().current(id.uuid).await?;
        let transport = self.op.race(self.transport(&domain, request)).await?;
        let done = match (&request.from, &request.to) {
            (CopyPlace::Guest { path, .. }, to) => {
                let fetched = self.fetch(&id, &transport, path, to, request.recursive);
                self.op.race(self.while_running(&id, fetched)).await
            }
            (from, CopyPlace::Guest { path, .. }) => {
                self.put(&id, &transport, from, path, request.recursive).await
            }
            _ => Err(CopyError::Sides.into()),
        };
        if done.is_err() {
            // It may have been given up midway. A guest that is gone has nothing to clear.
            let _ = tokio::time::timeout(FAREWELL, transport.clear()).await;
        }
        done.map(|bytes| Copied { name: id.name, by: transport.name(), bytes })
    }

    async fn transport(&self, domain: &Domain, request: &CopyRequest) -> Result<Transport<'_>, Error> {
        let agent = || Transport::by_agent(GuestAgent::of(self.op), domain.uuid);
        if request.by == CopyBy::Agent {
            return Ok(agent());
        }
        let target = match GuestAccess::of(self.op).ssh_target(&domain.name, request.user.as_deref()).await {
            Err(Error::Reach(ReachError::NoAddress { .. }) | Error::Reach(ReachError::NoNetwork { .. }))
                if request.by == CopyBy::Auto =>
            {
                return Ok(agent());
            }
            other => other?,
        };
        if request.by == CopyBy::Auto && domain.has_agent_channel {
            match guest::run(&target, "exit 0", KNOCK).await {
                // Where neither transport leads in, it is ssh's complaint that tells more.
                Err(error)
                    if error.is_shut_out() && GuestAgent::of(self.op).agent_answers(domain.uuid).await =>
                {
                    return Ok(agent());
                }
                other => other?,
            };
        }
        Ok(Transport::Ssh(target))
    }

    /// Gives `work` up when the VM goes off: neither transport notices that while it waits for this host's side, and
    /// ssh takes a minute.
    async fn while_running<T>(
        &self,
        id: &DomainId,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let off = async {
            loop {
                tokio::time::sleep(CHECK).await;
                // That libvirt does not answer need not matter to the copy.
                if self.op.client().domains().state(id.uuid).await.is_ok_and(|state| !state.is_active()) {
                    return;
                }
            }
        };
        tokio::select! {
            done = work => match done {
                Err(error @ (Error::Guest(_) | Error::Libvirt(_))) => Err(GuestAgent::of(self.op).or_not_running(id, error).await),
                other => other,
            },
            () = off => Err(VmError::NotRunning { name: id.name.clone() }.into()),
        }
    }

    fn report_copy(&self, place: &str, done_bytes: u64, total_bytes: Option<u64>) {
        if done_bytes.max(total_bytes.unwrap_or(0)) >= SMALL {
            self.op.report(Event::Transfer { image: place, done_bytes, total_bytes });
        }
    }

    async fn fetch(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        path: &str,
        to: &CopyPlace,
        recursive: bool,
    ) -> Result<u64, Error> {
        let place = format!("{}:{path}", id.name);
        let looked = checked(transport.run(script::look(path)).await?, &place)?;
        let found = script::parse_found(&looked.stdout).ok_or_else(|| CopyError::Refused {
            place: place.clone(),
            reason: CopyRefusal::Other,
            message: looked.stdout.trim().to_owned(),
        })?;
        if found == Found::Folder && !recursive {
            return Err(CopyError::IsFolder { place }.into());
        }
        let mut bytes = 0;
        let total = match found {
            Found::File { size: size @ 1.., .. } => Some(size),
            _ => None,
        };
        let told = |done| {
            bytes = done;
            self.report_copy(&place, done, total);
        };
        match (to, found) {
            (CopyPlace::Host(to), Found::Folder) => {
                let sink = host::Sink::new(to, path)?;
                let mut spool = sink.spool()?;
                checked(transport.fetch(script::print(path), &mut spool, told).await?, &place)?;
                sink.unpack(spool).await?;
            }
            (CopyPlace::Host(to), Found::File { mode, time, .. }) => {
                let sink = host::Sink::new(to, path)?;
                let (partial, mut file) = sink.partial()?;
                checked(transport.fetch(script::print(path), &mut file, told).await?, &place)?;
                sink.complete(partial, mode, time)?;
            }
            // A folder is an archive.
            _ => {
                checked(transport.fetch(script::print(path), &mut tokio::io::stdout(), told).await?, &place)?;
            }
        }
        Ok(bytes)
    }

    async fn put(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        from: &CopyPlace,
        path: &str,
        recursive: bool,
    ) -> Result<u64, Error> {
        let place = format!("{}:{path}", id.name);
        // A pipe may be long in coming.
        let opened = self.while_running(id, Source::open(from, recursive));
        let mut source = self.op.race(opened).await?;
        let put = Put {
            path: path.to_owned(),
            name: source.name.clone(),
            folder: source.folder,
            id: Uuid::new_v4().simple().to_string(),
        };
        let mut bytes = 0;
        let total = source.size;
        let told = |done| {
            bytes = done;
            self.report_copy(&place, done, total);
        };
        let sent = async { checked(transport.send(put.receive(), &mut source.input, told).await?, &place) };
        let done = match self.op.race(self.while_running(id, sent)).await {
            // From here on it takes but a moment.
            Ok(_) => {
                let commit = put.commit(bytes, source.attributes);
                let committed = async { checked(transport.run(commit).await?, &place) };
                self.while_running(id, committed).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = done else { return Ok(bytes) };
        // A guest that is gone has nothing to remove.
        if matches!(error, Error::Vm(VmError::NotRunning { .. })) {
            return Err(error);
        }
        let mut undo = UndoStack::new(self.op);
        let mut left = vec![Left::GuestFile { name: format!(".vmtools-{}", put.id), beside: Some(place) }];
        let spool = transport.spool().map(|spool| format!("{}:{spool}", id.name));
        left.extend(spool.map(|name| Left::GuestFile { name, beside: None }));
        undo.will(left, async {
            match tokio::time::timeout(FAREWELL, transport.run(put.abort())).await {
                Ok(aborted) => aborted.map(drop),
                Err(_) => Err(CopyError::CutOff.into()),
            }
        });
        Err(undo.unwind(error).await)
    }
}

/// The guest's exit status as an error.
fn checked(output: Output, place: &str) -> Result<Output, Error> {
    let place = place.to_owned();
    let message = output.stderr.trim().to_owned();
    let reason = CopyRefusal::of(&message);
    match output.status {
        0 => Ok(output),
        NOT_FOUND if reason != CopyRefusal::Denied => Err(CopyError::NotFound { place }.into()),
        WRONG_KIND => Err(CopyError::WrongKind { place }.into()),
        CUT_OFF => Err(CopyError::CutOff.into()),
        _ => Err(CopyError::Refused { place, reason, message }.into()),
    }
}

/// The last part of a path, `None` where that is no name.
fn last_name(path: &str) -> Option<&str> {
    Path::new(path).file_name().and_then(std::ffi::OsStr::to_str).filter(|name| *name != "~")
}
