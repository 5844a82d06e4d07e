//! The two ways into a guest for a copy.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::agent::{Exec, ExitStatus};
use crate::guest::{self, Output, Target};
use crate::manager::guest::agent::AgentClient;
use crate::manager::{CopyError, Error};
use crate::model::Uuid;

/// A way into a guest.
pub(in crate::manager) enum Transport<'a> {
    /// By ssh.
    Ssh(Target),
    /// By the guest agent. What goes through lies in a file of the guest's /tmp on the way: the agent has no
    /// streams.
    Agent {
        /// Who speaks with it.
        agent: AgentClient<'a>,
        /// The file on the way.
        spool: Spool,
    },
}

/// A file in the guest that holds what is on its way by the agent.
pub(in crate::manager) struct Spool {
    path: String,
    /// Whether the guest was asked to make it.
    is_begun: AtomicBool,
    /// Whether all that is put lies in it, and a command in the guest was asked to take it from there.
    is_passed_on: AtomicBool,
}

impl<'a> Transport<'a> {
    /// By the agent, with a file of its own on the way.
    pub(in crate::manager) fn by_agent(agent: AgentClient<'a>) -> Self {
        let path = format!("/tmp/.vmtools-{}", Uuid::new_v4().simple());
        let spool = Spool { path, is_begun: AtomicBool::new(false), is_passed_on: AtomicBool::new(false) };
        Self::Agent { agent, spool }
    }

    /// Its name.
    pub(in crate::manager) fn name(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "ssh",
            Self::Agent { .. } => "agent",
        }
    }

    /// The file on the way in the guest, once that may be there.
    pub(in crate::manager) fn spool(&self) -> Option<&str> {
        match self {
            Self::Agent { spool, .. } if spool.is_begun.load(Ordering::Relaxed) => Some(&spool.path),
            _ => None,
        }
    }

    /// Whether a command that was given something by [`Transport::send`] may have begun in the guest.
    pub(in crate::manager) fn has_sent(&self) -> bool {
        match self {
            Self::Ssh(_) => true,
            Self::Agent { spool, .. } => spool.is_passed_on.load(Ordering::Relaxed),
        }
    }

    /// Runs a command that prints little.
    pub(in crate::manager) async fn run(&self, words: Vec<String>) -> Result<Output, Error> {
        match self {
            Self::Ssh(target) => {
                let mut printed = Vec::new();
                let words = for_a_shell(words);
                let output =
                    guest::stream(target, &words, &mut tokio::io::empty(), &mut printed, |_| {}).await?;
                Ok(Output { stdout: String::from_utf8_lossy(&printed).into_owned(), ..output })
            }
            Self::Agent { agent, .. } => run(agent, words).await,
        }
    }

    /// Runs a command that reads `input`.
    pub(in crate::manager) async fn send(
        &self,
        words: Vec<String>,
        input: &mut (impl AsyncRead + Unpin),
        on_progress: impl FnMut(u64),
    ) -> Result<Output, Error> {
        match self {
            Self::Ssh(target) => {
                let words = for_a_shell(words);
                Ok(guest::stream(target, &words, input, &mut tokio::io::sink(), on_progress).await?)
            }
            Self::Agent { agent, spool } => {
                spool.is_begun.store(true, Ordering::Relaxed);
                agent.write_file(&spool.path, input, on_progress).await?;
                spool.is_passed_on.store(true, Ordering::Relaxed);
                let script = r#"f=$1; shift; exec "$@" <"$f""#;
                let said = self.run(with_spool(script, &spool.path, words)).await?;
                self.clear().await?;
                Ok(said)
            }
        }
    }

    /// Runs a command and gives what it prints to `output`.
    pub(in crate::manager) async fn fetch(
        &self,
        words: Vec<String>,
        output: &mut (impl AsyncWrite + Unpin),
        on_progress: impl FnMut(u64),
    ) -> Result<Output, Error> {
        match self {
            Self::Ssh(target) => {
                let words = for_a_shell(words);
                Ok(guest::stream(target, &words, &mut tokio::io::empty(), output, on_progress).await?)
            }
            Self::Agent { agent, spool } => {
                let script = r#"umask 077; f=$1; shift; exec "$@" >"$f""#;
                spool.is_begun.store(true, Ordering::Relaxed);
                let said = self.run(with_spool(script, &spool.path, words)).await?;
                if said.status == 0 {
                    agent.read_file(&spool.path, output, on_progress).await?;
                }
                self.clear().await?;
                Ok(said)
            }
        }
    }

    /// Removes what lies on the way in the guest.
    pub(in crate::manager) async fn clear(&self) -> Result<(), Error> {
        if let Self::Agent { spool, .. } = self {
            self.run(["rm", "-f", &spool.path].map(str::to_owned).to_vec()).await?;
            spool.is_begun.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

async fn run(agent: &AgentClient<'_>, words: Vec<String>) -> Result<Output, Error> {
    let mut words = words.into_iter();
    let exec = Exec::new(words.next().unwrap_or_default()).args(words);
    let exit = agent.start(&exec).await?.wait().await?;
    let status = exit.status.map(ExitStatus::shell_status).ok_or(CopyError::CutOff)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { status: status.into(), stdout: text(exit.stdout), stderr: text(exit.stderr) })
}

/// `words`, run by a script that has the file as its first argument.
fn with_spool(script: &str, file: &str, words: Vec<String>) -> Vec<String> {
    let mut all = ["sh", "-c", script, "sh", file].map(str::to_owned).to_vec();
    all.extend(words);
    all
}

/// ssh gives its words to the user's shell, joined by blanks. None of them holds a quote or a backslash.
fn for_a_shell(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { word }).collect()
}
