//! Commands in a guest by its agent.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::libvirt::{self, DomainId};
use crate::manager::guest::GuestAgent;
use crate::manager::guest::agent::{ANSWER, Started, Status, status_request};
use crate::manager::power::Power;
use crate::manager::{Error, ExecError, VmError};
use crate::model::{Uuid, VmState};

/// The most that a command can be given as its input, in bytes. The agent's line has been seen to hang at
/// requests of more than 256 KiB (libvirt 11.3.0, QEMU 10.0.2), and in base64 this is a third longer.
pub const EXEC_INPUT_LIMIT: usize = 128 << 10;

/// The agent is asked at first so often, then ever less, whether the command has ended.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(250);
/// How long a command may take to end when it is asked to, and then when it is killed.
const FAREWELL: Duration = Duration::from_secs(5);

/// Ends a process of the guest and what it has started.
const END: &str = r#"tree() {
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
    echo "$1"
}
kill -s "$2" $(tree "$1")"#;

/// A command to be run.
#[derive(Debug, Clone)]
pub struct ExecRequest {
    /// The program, looked up in the agent's PATH, and its arguments. No shell reads them.
    pub command: Vec<String>,
    /// What it reads; nothing if that is empty.
    pub stdin: Vec<u8>,
    /// When it is ended.
    pub timeout: Option<Duration>,
}

/// Why a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecEnd {
    /// By itself, or by somebody in the guest.
    Own,
    /// Its time was over, and it was ended.
    TimedOut,
    /// The user wanted it, and it was ended.
    Interrupted,
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The VM.
    pub name: String,
    /// Its exit status as a shell tells it: 128 and the signal's number when one ended it. `None`: it may still
    /// run.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained.
    pub stderr: Vec<u8>,
    /// Whether the agent kept only the beginning of what it printed.
    pub truncated: bool,
    /// Why it ended.
    pub end: ExecEnd,
}

impl GuestAgent<'_> {
    /// Runs a command in the guest to its end. Past its time, or when the user wants the end, it is ended with
    /// what it has started, and what it printed until then is given.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], [`ExecError::NotStarted`], [`ExecError::InputTooLong`],
    /// [`ExecError::OutputLost`], and libvirt's when the agent isn't there or doesn't answer.
    pub async fn exec(&self, name: &str, request: &ExecRequest) -> Result<Executed, Error> {
        if request.stdin.len() > EXEC_INPUT_LIMIT {
            return Err(ExecError::InputTooLong { limit: EXEC_INPUT_LIMIT }.into());
        }
        let id = self.op.client().domains().resolve(name).await?;
        self.refuse_silent(&id).await?;
        let deadline = request.timeout.map(|timeout| Instant::now() + timeout);
        let started = self.start_by_agent(&id.name, id.uuid, request).await;
        let pid = match started {
            Err(error @ Error::Libvirt(_)) => return Err(self.or_not_running(&id, error).await),
            other => other?,
        };
        let (status, end) = match self.op.race(self.await_end(id.uuid, pid, deadline)).await {
            Ok(Some(status)) => (Some(status), ExecEnd::Own),
            Ok(None) => (self.end_by_agent(id.uuid, pid).await, ExecEnd::TimedOut),
            Err(Error::Interrupted) => (self.end_by_agent(id.uuid, pid).await, ExecEnd::Interrupted),
            Err(Error::Libvirt(libvirt::Error::AgentAnswerTooLong)) => {
                return Err(ExecError::OutputLost { vm: id.name }.into());
            }
            Err(error) => return Err(self.or_not_running(&id, error).await),
        };
        Ok(Executed::new(id.name, status.unwrap_or_default(), end))
    }

    /// A guest answers only while it runs; one that is just starting is waited for.
    pub(in crate::manager) async fn refuse_silent(&self, id: &DomainId) -> Result<(), Error> {
        let state = self.op.client().domains().state(id.uuid).await?;
        if !state.is_active() {
            return Err(VmError::NotRunning { name: id.name.clone() }.into());
        }
        if state == VmState::Paused { Power::of(self.op).await_running(id).await } else { Ok(()) }
    }

    /// That the VM went off, or is held, is more to the point than what that did to the agent.
    pub(in crate::manager) async fn or_not_running(&self, id: &DomainId, error: Error) -> Error {
        match self.op.client().domains().state(id.uuid).await {
            Ok(state) if !state.is_active() => VmError::NotRunning { name: id.name.clone() }.into(),
            Ok(VmState::Paused) => VmError::Paused { name: id.name.clone() }.into(),
            _ => error,
        }
    }

    pub(in crate::manager) async fn start_by_agent(
        &self,
        vm: &str,
        uuid: Uuid,
        request: &ExecRequest,
    ) -> Result<i64, Error> {
        let program = request.command.first().map_or("", String::as_str);
        let mut arguments = serde_json::json!({
            "path": program,
            "arg": request.command.get(1..).unwrap_or_default(),
            "capture-output": true,
        });
        if let (false, Some(map)) = (request.stdin.is_empty(), arguments.as_object_mut()) {
            map.insert("input-data".into(), STANDARD.encode(&request.stdin).into());
        }
        let message = serde_json::json!({"execute": "guest-exec", "arguments": arguments});
        let within = request.timeout.map_or(ANSWER, |timeout| timeout.min(ANSWER));
        match self.ask_agent::<Started>(uuid, &message, within).await {
            Ok(started) => Ok(started.pid),
            // GLib's words (g_spawn), with the system's in brackets.
            Err(libvirt::Error::AgentRefused { message }) if message.contains("child process") => {
                Err(ExecError::NotStarted {
                    vm: vm.to_owned(),
                    program: program.to_owned(),
                    missing: message.contains("No such file"),
                    reason: message,
                }
                .into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Its status at its end; `None` when the deadline passed before.
    pub(in crate::manager) async fn await_end(
        &self,
        uuid: Uuid,
        pid: i64,
        deadline: Option<Instant>,
    ) -> Result<Option<Status>, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let within = left.map_or(ANSWER, |left| left.clamp(Duration::from_secs(1), ANSWER));
            let status: Status = self.ask_agent(uuid, &status_request(pid), within).await?;
            if status.exited {
                return Ok(Some(status));
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
            pause = PAUSE.min(pause * 2);
        }
    }

    /// Ends the process and what it has started; its status if it is gone then.
    async fn end_by_agent(&self, uuid: Uuid, pid: i64) -> Option<Status> {
        for signal in ["TERM", "KILL"] {
            let arguments = serde_json::json!({
                "path": "sh",
                "arg": ["-c", END, "sh", pid.to_string(), signal],
            });
            let message = serde_json::json!({"execute": "guest-exec", "arguments": arguments});
            self.ask_agent::<Started>(uuid, &message, ANSWER).await.ok()?;
            match self.await_end(uuid, pid, Some(Instant::now() + FAREWELL)).await {
                Ok(None) => {}
                Ok(status) => return status,
                // It ended, with more than can be told.
                Err(Error::Libvirt(libvirt::Error::AgentAnswerTooLong)) => {
                    return Some(Status { exited: true, out_truncated: true, ..Status::default() });
                }
                Err(_) => return None,
            }
        }
        None
    }
}

impl Executed {
    fn new(name: String, status: Status, end: ExecEnd) -> Self {
        let exit_code = match (status.exited, status.signal, status.exitcode) {
            (false, ..) => None,
            (true, Some(signal), _) => Some(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
            // Windows has larger ones.
            (true, None, code) => Some(u8::try_from(code.unwrap_or(0)).unwrap_or(u8::MAX)),
        };
        let decode = |text: &str| STANDARD.decode(text).unwrap_or_default();
        Self {
            name,
            exit_code,
            signal: status.signal,
            stdout: decode(&status.out_data),
            stderr: decode(&status.err_data),
            truncated: status.out_truncated || status.err_truncated,
            end,
        }
    }
}

impl Serialize for Executed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            name: &'a str,
            exit_code: Option<u8>,
            signal: Option<i32>,
            stdout: &'a str,
            stderr: &'a str,
            truncated: bool,
            timed_out: bool,
        }
        Flat {
            name: &self.name,
            exit_code: self.exit_code,
            signal: self.signal,
            stdout: &String::from_utf8_lossy(&self.stdout),
            stderr: &String::from_utf8_lossy(&self.stderr),
            truncated: self.truncated,
            timed_out: self.end == ExecEnd::TimedOut,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded from qemu-ga 7.2.22.
    #[test]
    fn a_signal_is_told_as_a_shell_does() {
        let reply = r#"{"err-data":"ZXJyCg==","out-data":"b3V0Cg==","err-truncated":false,"signal":9,"out-truncated":false,"exited":true}"#;
        let status: Status = serde_json::from_str(reply).expect("parses");
        let done = Executed::new("web".into(), status, ExecEnd::Own);
        assert_eq!((done.exit_code, done.stdout, done.stderr), (Some(137), b"out\n".into(), b"err\n".into()));
    }

    #[test]
    fn statuses_are_bytes() {
        for (reply, code) in [
            (r#"{"exited":true,"exitcode":7}"#, Some(7)),
            (r#"{"exited":true,"exitcode":0}"#, Some(0)),
            (r#"{"exited":true,"exitcode":-1073741510}"#, Some(255)),
            (r#"{"exited":false}"#, None),
        ] {
            let status: Status = serde_json::from_str(reply).expect("parses");
            assert_eq!(Executed::new("web".into(), status, ExecEnd::Own).exit_code, code, "{reply}");
        }
    }
}
