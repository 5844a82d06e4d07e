//! Commands in a guest by its agent.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::agent::{End, Exec, Exit, ExitStatus, INPUT_LIMIT, RefusalKind, Run};
use crate::libvirt::{self, DomainId};
use crate::manager::guest::GuestAgent;
use crate::manager::guest::agent::AgentError;
use crate::manager::power::Power;
use crate::manager::{Error, ExecError, VmError};
use crate::model::VmState;

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

/// A command that was run.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The VM.
    pub name: String,
    /// How it ended and what it printed. `None`: it may still run.
    pub exit: Option<Exit>,
    /// Why it ended.
    pub end: End,
}

impl GuestAgent<'_> {
    /// Runs a command in the guest to its end. Past its time, or when the user wants the end, it is ended with
    /// what it has started, and what it printed until then is given.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], [`ExecError::NotStarted`], [`ExecError::InputTooLong`],
    /// [`ExecError::OutputLost`], and the agent's when it isn't there, refuses or doesn't answer.
    pub async fn exec(&self, name: &str, request: &ExecRequest) -> Result<Executed, Error> {
        if request.stdin.len() > INPUT_LIMIT {
            return Err(ExecError::InputTooLong { limit: INPUT_LIMIT }.into());
        }
        let id = self.op.client().domains().resolve(name).await?;
        self.await_running(&id).await?;
        let mut words = request.command.iter();
        let exec =
            Exec::new(words.next().map_or("", String::as_str)).args(words).input(request.stdin.clone());
        let run = self.client(id.uuid).run(&exec, request.timeout, self.op.interrupt().asked()).await;
        match run {
            Ok(Run { exit, end }) => Ok(Executed { name: id.name, exit, end }),
            Err(error) => Err(self.why_not_run(&id, &request.command, error).await),
        }
    }

    async fn why_not_run(&self, id: &DomainId, command: &[String], error: AgentError) -> Error {
        let vm = id.name.clone();
        match (error.refusal(), error) {
            (_, AgentError::ReplyTooLong { .. }) => ExecError::OutputLost { vm }.into(),
            (
                Some(kind @ (RefusalKind::NoSuchProgram | RefusalKind::CannotStart)),
                AgentError::Refused { refusal, .. },
            ) => ExecError::NotStarted {
                vm,
                program: command.first().cloned().unwrap_or_default(),
                reason: refusal.message,
                missing: kind == RefusalKind::NoSuchProgram,
                is_for_shell: is_for_shell(command),
            }
            .into(),
            (_, error) => self.or_not_running(id, error.into()).await,
        }
    }

    /// A guest answers only while it runs; one that is just starting is waited for.
    pub(in crate::manager) async fn await_running(&self, id: &DomainId) -> Result<(), Error> {
        let state = self.op.client().domains().state(id.uuid).await?;
        if !state.is_active() {
            return Err(VmError::NotRunning { name: id.name.clone() }.into());
        }
        if state == VmState::Paused { Power::of(self.op).await_running(id).await } else { Ok(()) }
    }

    /// That the VM has shut down, or is paused, is more to the point than what that did to the agent.
    pub(in crate::manager) async fn or_not_running(&self, id: &DomainId, error: Error) -> Error {
        let not_running = || VmError::NotRunning { name: id.name.clone() }.into();
        // libvirt says so while a VM is being stopped, when its state is still that it runs.
        if matches!(error, Error::Libvirt(libvirt::Error::WrongState { .. })) {
            return not_running();
        }
        match self.op.client().domains().state(id.uuid).await {
            Ok(state) if !state.is_active() => not_running(),
            Ok(VmState::Paused) => VmError::Paused { name: id.name.clone() }.into(),
            _ => error,
        }
    }
}

impl Executed {
    /// Its exit status as a shell tells it: 128 and the signal's number when one ended it. `None`: it is not known, or
    /// the command may still run.
    pub fn exit_code(&self) -> Option<u8> {
        self.exit.as_ref()?.status.map(ExitStatus::shell_status)
    }

    fn signal(&self) -> Option<i64> {
        match self.exit.as_ref()?.status? {
            ExitStatus::Signal(signal) => Some(signal),
            ExitStatus::Code(_) => None,
        }
    }
}

impl Serialize for Executed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            name: &'a str,
            exit_code: Option<u8>,
            signal: Option<i64>,
            stdout: &'a str,
            stderr: &'a str,
            truncated: bool,
            timed_out: bool,
        }
        let printed = |of: fn(&Exit) -> &[u8]| String::from_utf8_lossy(self.exit.as_ref().map_or(&[], of));
        Flat {
            name: &self.name,
            exit_code: self.exit_code(),
            signal: self.signal(),
            stdout: &printed(|exit| &exit.stdout),
            stderr: &printed(|exit| &exit.stderr),
            truncated: self.exit.as_ref().is_some_and(|exit| exit.truncated),
            timed_out: self.end == End::TimedOut,
        }
        .serialize(serializer)
    }
}

/// Whether the command reads like one for a shell: a word of it is an operator, the first one holds what means
/// something to a shell, or is a command that only shells have.
fn is_for_shell(command: &[String]) -> bool {
    const OPERATORS: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"];
    const BUILT_IN: [&str; 10] =
        ["cd", "export", "source", ".", "alias", "set", "ulimit", "umask", "eval", "exec"];
    let is_operator = |word: &String| OPERATORS.contains(&word.as_str());
    let first = command.first().map_or("", String::as_str);
    first.contains(|c: char| c.is_whitespace() || "|&;<>()$`\"'*?[]{}~=".contains(c))
        || BUILT_IN.contains(&first)
        || command.iter().any(is_operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_a_shell_is_told_by_its_words() {
        let is =
            |words: &[&str]| is_for_shell(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        for words in [&["ls | wc"][..], &["ls", "|", "wc"], &["cd", "/"], &["$HOME/x"], &["A=b", "env"]] {
            assert!(is(words), "{words:?}");
        }
        for words in [&["nosuch"][..], &["/usr/bin/nosuch", "-v"], &["grep", "a|b"], &["apt-get", "x=1"], &[]]
        {
            assert!(!is(words), "{words:?}");
        }
    }

    fn executed(status: Option<ExitStatus>) -> serde_json::Value {
        let exit = Exit { status, stdout: b"out\n".into(), stderr: b"err\n".into(), truncated: false };
        let done = Executed { name: "web".into(), exit: Some(exit), end: End::Exited };
        serde_json::to_value(done).expect("writes")
    }

    #[test]
    fn an_exit_as_json() {
        let killed = executed(Some(ExitStatus::Signal(9)));
        let expected = serde_json::json!({
            "name": "web", "exit_code": 137, "signal": 9, "stdout": "out\n", "stderr": "err\n",
            "truncated": false, "timed_out": false,
        });
        assert_eq!(killed, expected);
        let exited = executed(Some(ExitStatus::Code(7)));
        assert_eq!((&exited["exit_code"], &exited["signal"]), (&7.into(), &serde_json::Value::Null));
        assert_eq!(executed(None)["exit_code"], serde_json::Value::Null);
        let running = Executed { name: "web".into(), exit: None, end: End::TimedOut };
        let running = serde_json::to_value(running).expect("writes");
        assert_eq!((&running["stdout"], &running["timed_out"]), (&"".into(), &true.into()));
    }
}
