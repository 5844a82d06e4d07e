//! Copying between this host and a guest.

mod destination;
mod error;
mod fetch;
mod host;
mod put;
mod script;
mod transport;

pub use error::{CopyError, CopyRefusal};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::agent::ANSWER_WITHIN;
use crate::guest::{self, Output};
use crate::libvirt::{Domain, DomainId};
use crate::manager::guest::GuestAccess;
use crate::manager::guest::GuestAgent;
use crate::manager::operation::noun;
use crate::manager::retry::Retry;
use crate::manager::{EndpointError, Error, Event, Left, Remnant, VmError};
use script::{CUT_OFF, NO_TOOL, NOT_FOUND, WRONG_KIND};
use transport::Transport;

/// How long the roll-back of a copy may take.
const CLEANUP: Duration = Duration::from_secs(15);
/// What is copied without progress being shown, in bytes.
const SMALL: u64 = 4 << 20;
/// How often the VM's state is checked: ssh takes a minute to find out that the VM is gone.
const CHECK: Duration = Duration::from_secs(2);
/// How long ssh may take to log in, before the agent is tried.
const LOGIN: Duration = Duration::from_secs(20);

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

/// What carries a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyBy {
    /// ssh; the agent where ssh denies access.
    Auto,
    /// ssh.
    Ssh,
    /// The guest agent, as its user.
    Agent,
}

/// A copy that is wanted.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// What is copied.
    pub from: CopyPlace,
    /// The destination: a directory to put it in, or its new path.
    pub to: CopyPlace,
    /// Whether directories are copied, with all that is in them.
    pub recursive: bool,
    /// What carries it.
    pub by: CopyBy,
    /// The user to log in as by ssh.
    pub user: Option<String>,
}

/// A copy that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Copied {
    /// The VM.
    pub name: String,
    /// What carried it: `ssh` or `agent`.
    pub by: &'static str,
    /// The bytes copied: of a file its size, of a directory that of its archive.
    pub bytes: u64,
}

noun! {
    /// Files copied between this host and a guest.
    FileCopy
}

impl FileCopy<'_> {
    /// Copies a file or directory between this host and a guest. When it fails or is interrupted, all is as it was
    /// before, but for a directory that is copied into one of the same name.
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
        GuestAgent::of(self.op).await_running(&id).await?;
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
        let error = match done {
            Ok(bytes) => return Ok(Copied { name: id.name, by: transport.name(), bytes }),
            // In a guest that is off nothing can be removed: it has it again at its next start.
            Err(error @ Error::Vm(VmError::NotRunning { .. })) => {
                return Err(left_behind(error, spooled(&id, &transport)));
            }
            Err(error) => error,
        };
        // It may have been cancelled midway.
        let _ = tokio::time::timeout(CLEANUP, transport.clear()).await;
        Err(error)
    }

    async fn transport(&self, domain: &Domain, request: &CopyRequest) -> Result<Transport<'_>, Error> {
        let agent = || Transport::by_agent(GuestAgent::of(self.op).client(domain.uuid));
        if request.by == CopyBy::Agent {
            return Ok(agent());
        }
        let target = match GuestAccess::of(self.op).ssh_target(&domain.name, request.user.as_deref()).await {
            Err(
                Error::Endpoint(EndpointError::NoAddress { .. })
                | Error::Endpoint(EndpointError::NoNetwork { .. }),
            ) if request.by == CopyBy::Auto => {
                return Ok(agent());
            }
            other => other?,
        };
        if request.by == CopyBy::Auto && domain.has_agent_channel {
            match guest::run(&target, "exit 0", LOGIN).await {
                // Where neither transport leads in, it is ssh's complaint that tells more.
                Err(error) if error.is_access_denied() && self.agent_answers(domain).await => {
                    return Ok(agent());
                }
                other => other?,
            };
        }
        Ok(Transport::Ssh(target))
    }

    async fn agent_answers(&self, domain: &Domain) -> bool {
        GuestAgent::of(self.op).client(domain.uuid).answers(ANSWER_WITHIN).await
    }

    /// Cancels `work` when the VM shuts down: neither transport notices that while it waits for this host's side, and
    /// ssh takes a minute.
    async fn while_running<T>(
        &self,
        id: &DomainId,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let off = async {
            let mut retry = Retry::beside_work().every(CHECK);
            while retry.again().await? {
                // That libvirt does not answer need not matter to the copy.
                if self.op.client().domains().state(id.uuid).await.is_ok_and(|state| !state.is_active()) {
                    break;
                }
            }
            Err(VmError::NotRunning { name: id.name.clone() }.into())
        };
        tokio::select! {
            done = work => match done {
                Err(error @ (Error::Guest(_) | Error::Agent(_) | Error::Libvirt(_))) => {
                    Err(GuestAgent::of(self.op).or_not_running(id, error).await)
                }
                other => other,
            },
            off = off => off,
        }
    }

    fn report_copy(&self, place: &str, done_bytes: u64, total_bytes: Option<u64>) {
        if done_bytes.max(total_bytes.unwrap_or(0)) >= SMALL {
            self.op.report(Event::Transfer { image: place, done_bytes, total_bytes });
        }
    }
}

/// The file in the guest that holds what was on its way there, or from there.
fn spooled(id: &DomainId, transport: &Transport<'_>) -> Option<Left> {
    let name = format!("{}:{}", id.name, transport.spool()?);
    Some(Left::GuestFile { name, beside: None })
}

/// The error, with what it leaves if that is anything.
fn left_behind(error: Error, left: impl IntoIterator<Item = Left>) -> Error {
    let left: Vec<Remnant> = left.into_iter().map(Remnant::from).collect();
    match left.is_empty() {
        true => error,
        false => Error::LeftBehind { cause: Box::new(error), left },
    }
}

/// The guest's exit status as an error.
fn checked(output: Output, place: &str) -> Result<Output, Error> {
    let place = place.to_owned();
    let denied = output.is_denied();
    let reason = match output.status {
        0 => return Ok(output),
        NOT_FOUND if !denied => return Err(CopyError::NotFound { place }.into()),
        WRONG_KIND => return Err(CopyError::WrongKind { place }.into()),
        CUT_OFF => return Err(CopyError::CutOff.into()),
        NO_TOOL => CopyRefusal::ToolMissing,
        _ if denied => CopyRefusal::Denied,
        _ => CopyRefusal::Other,
    };
    Err(CopyError::Refused { place, reason, message: output.stderr.trim().to_owned() }.into())
}

/// The last part of a path, `None` where that is no name.
fn last_name(path: &str) -> Option<&str> {
    Path::new(path).file_name().and_then(std::ffi::OsStr::to_str).filter(|name| *name != "~")
}
