//! The two ways into a guest for a copy.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::guest::{self, Output, Target};
use crate::manager::guest::GuestAgent;
use crate::manager::guest::agent::ANSWER;
use crate::manager::{CopyError, Error, ExecRequest};
use crate::model::Uuid;

/// How much is given to the agent at a time, and asked of it, in bytes: see [`crate::manager::EXEC_INPUT_LIMIT`].
const WRITE: usize = 96 << 10;
const READ: usize = 512 << 10;
/// A pause of the agent's may be long in a guest that is busy writing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A way into a guest.
pub(in crate::manager) enum Transport<'a> {
    /// By ssh.
    Ssh(Target),
    /// By the guest agent. What goes through lies in a file of the guest's /tmp on the way: the agent has no
    /// streams.
    Agent {
        /// Who speaks with it.
        agent: GuestAgent<'a>,
        /// The VM.
        uuid: Uuid,
        /// The file on the way.
        spool: String,
    },
}

impl<'a> Transport<'a> {
    /// By the agent, with a file of its own on the way.
    pub(in crate::manager) fn by_agent(agent: GuestAgent<'a>, uuid: Uuid) -> Self {
        let spool = format!("/tmp/.vmtools-{}", Uuid::new_v4().simple());
        Self::Agent { agent, uuid, spool }
    }

    /// Its name.
    pub(in crate::manager) fn name(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "ssh",
            Self::Agent { .. } => "agent",
        }
    }

    /// The file on the way in the guest.
    pub(in crate::manager) fn spool(&self) -> Option<&str> {
        match self {
            Self::Ssh(_) => None,
            Self::Agent { spool, .. } => Some(spool),
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
            Self::Agent { agent, uuid, .. } => {
                let request = ExecRequest { command: words, stdin: Vec::new(), timeout: None };
                let pid = agent.start_by_agent("the guest", *uuid, &request).await?;
                let status = agent.await_end(*uuid, pid, None).await?.unwrap_or_default();
                let text = |data: &str| {
                    String::from_utf8_lossy(&STANDARD.decode(data).unwrap_or_default()).into_owned()
                };
                let ended = status.signal.map_or(status.exitcode.unwrap_or(0), |signal| 128 + signal);
                Ok(Output { status: ended, stdout: text(&status.out_data), stderr: text(&status.err_data) })
            }
        }
    }

    /// Runs a command that reads `input`.
    pub(in crate::manager) async fn send(
        &self,
        words: Vec<String>,
        input: &mut (impl AsyncRead + Unpin),
        told: impl FnMut(u64),
    ) -> Result<Output, Error> {
        match self {
            Self::Ssh(target) => {
                let words = for_a_shell(words);
                Ok(guest::stream(target, &words, input, &mut tokio::io::sink(), told).await?)
            }
            Self::Agent { spool, .. } => {
                self.write(spool, input, told).await?;
                let said = self.run(with_spool(r#"f=$1; shift; exec "$@" <"$f""#, spool, words)).await?;
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
        told: impl FnMut(u64),
    ) -> Result<Output, Error> {
        match self {
            Self::Ssh(target) => {
                let words = for_a_shell(words);
                Ok(guest::stream(target, &words, &mut tokio::io::empty(), output, told).await?)
            }
            Self::Agent { spool, .. } => {
                let script = r#"umask 077; f=$1; shift; exec "$@" >"$f""#;
                let said = self.run(with_spool(script, spool, words)).await?;
                if said.status == 0 {
                    self.read(spool, output, told).await?;
                }
                self.clear().await?;
                Ok(said)
            }
        }
    }

    /// Removes what lies on the way in the guest.
    pub(in crate::manager) async fn clear(&self) -> Result<(), Error> {
        if let Self::Agent { spool, .. } = self {
            self.run(["rm", "-f", spool].map(str::to_owned).to_vec()).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        file: &str,
        input: &mut (impl AsyncRead + Unpin),
        mut told: impl FnMut(u64),
    ) -> Result<(), Error> {
        let handle = self.open(file, "w").await?;
        let mut done = 0;
        let mut piece = Vec::with_capacity(WRITE);
        loop {
            piece.clear();
            while piece.len() < WRITE {
                let mut rest = (&mut *input).take((WRITE - piece.len()) as u64);
                if rest.read_buf(&mut piece).await.map_err(CopyError::Stream)? == 0 {
                    break;
                }
            }
            if piece.is_empty() {
                return self.close(handle).await;
            }
            let data = STANDARD.encode(&piece);
            let arguments = serde_json::json!({"handle": handle, "buf-b64": data});
            let written: Written = self.ask("guest-file-write", arguments).await?;
            if written.count != piece.len() {
                return Err(CopyError::CutOff.into());
            }
            done += piece.len() as u64;
            told(done);
        }
    }

    async fn read(
        &self,
        file: &str,
        output: &mut (impl AsyncWrite + Unpin),
        mut told: impl FnMut(u64),
    ) -> Result<(), Error> {
        let handle = self.open(file, "r").await?;
        let mut done = 0;
        loop {
            let arguments = serde_json::json!({"handle": handle, "count": READ});
            let read: Piece = self.ask("guest-file-read", arguments).await?;
            let bytes = STANDARD.decode(&read.data).map_err(|_| CopyError::CutOff)?;
            output.write_all(&bytes).await.map_err(CopyError::Stream)?;
            done += bytes.len() as u64;
            told(done);
            if read.eof || bytes.is_empty() {
                output.flush().await.map_err(CopyError::Stream)?;
                return self.close(handle).await;
            }
        }
    }

    async fn open(&self, file: &str, mode: &str) -> Result<i64, Error> {
        self.ask("guest-file-open", serde_json::json!({"path": file, "mode": mode})).await
    }

    async fn close(&self, handle: i64) -> Result<(), Error> {
        let _: serde_json::Value =
            self.ask("guest-file-close", serde_json::json!({"handle": handle})).await?;
        Ok(())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        command: &str,
        arguments: serde_json::Value,
    ) -> Result<T, Error> {
        let Self::Agent { agent, uuid, .. } = self else { return Err(CopyError::CutOff.into()) };
        let request = serde_json::json!({"execute": command, "arguments": arguments});
        Ok(agent.ask_agent(*uuid, &request, ANSWER.max(PATIENCE)).await?)
    }
}

#[derive(serde::Deserialize)]
struct Written {
    count: usize,
}

#[derive(serde::Deserialize)]
struct Piece {
    #[serde(rename = "buf-b64")]
    data: String,
    eof: bool,
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
