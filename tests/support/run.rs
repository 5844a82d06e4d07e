//! One command: built, run to its end, judged.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::background::Background;

/// A command that has not run yet. Its environment is clean: only what is set here.
#[derive(Clone)]
pub struct Cmd {
    /// Programs that each end by executing their last arguments: nsenter, setpriv, env.
    enter: Vec<OsString>,
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<OsString>,
    stdin: Vec<u8>,
    timeout: Duration,
}

impl Cmd {
    pub(super) fn new(enter: Vec<OsString>, program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> Self {
        let mut argv = vec![program.as_ref().to_os_string()];
        argv.extend(args.iter().map(|arg| arg.as_ref().to_os_string()));
        Self { enter, argv, env: Vec::new(), cwd: None, stdin: Vec::new(), timeout: Duration::from_secs(300) }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_os_string());
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(&name);
        self.env.push((name.as_ref().to_os_string(), value.as_ref().to_os_string()));
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name.as_ref());
        self
    }

    /// Puts a folder before all others in PATH.
    #[must_use]
    pub fn path_first(self, dir: &Path) -> Self {
        let mut path = dir.as_os_str().to_os_string();
        if let Some((_, old)) = self.env.iter().find(|(name, _)| name == "PATH") {
            path.push(":");
            path.push(old);
        }
        self.env("PATH", path)
    }

    /// Runs in that folder.
    #[must_use]
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = Some(dir.as_ref().as_os_str().to_os_string());
        self
    }

    /// What stdin gives, before it ends.
    #[must_use]
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = text.as_ref().to_vec();
        self
    }

    /// How long `run` waits before it kills the command and fails the test; five minutes unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// Past the timeout, with what the command printed until then.
    #[track_caller]
    pub fn run(self) -> Run {
        let timeout = self.timeout;
        self.spawn().wait(timeout)
    }

    /// Starts it and returns at once.
    #[track_caller]
    pub fn spawn(self) -> Background {
        let child =
            self.to_command().spawn().unwrap_or_else(|error| panic!("{self} does not start: {error}"));
        Background::new(child, self.to_string(), self.stdin, !self.enter.is_empty())
    }

    /// The same for std, in a process group of its own and with pipes.
    pub(super) fn to_command(&self) -> Command {
        let mut words = self.enter.clone();
        // A runner that was started in the background ignores SIGINT, and its children would too.
        words.extend(["/usr/bin/env", "--default-signal"].map(OsString::from));
        if let Some(dir) = &self.cwd {
            // After the namespaces are entered, which resets the working folder.
            words.push("--chdir".into());
            words.push(dir.clone());
        }
        words.extend(self.argv.iter().cloned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.argv.iter().enumerate() {
            let word = word.to_string_lossy();
            let blank = if i == 0 { "" } else { " " };
            let plain = !word.is_empty()
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c));
            if plain {
                write!(f, "{blank}{word}")?;
            } else {
                write!(f, "{blank}'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub struct Run {
    /// The command as typed.
    pub command: String,
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed as data.
    pub stdout: String,
    /// What it printed as talk.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Run {
    /// Fails the test unless the status is 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// Fails the test unless the status is this.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        if self.status.code() != Some(expected) {
            panic!("expected status {expected}\n{self}");
        }
        self
    }

    /// Fails the test unless stderr holds this.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        if !self.stderr.contains(text) {
            panic!("expected on stderr: {text}\n{self}");
        }
        self
    }

    /// Fails the test unless stdout holds this.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        if !self.stdout.contains(text) {
            panic!("expected on stdout: {text}\n{self}");
        }
        self
    }

    /// Stdout as exactly one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"))
    }

    /// Stdout as one JSON object a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {error}: {line}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The `error` object that a failure prints with `--json`, as stderr's last line.
    #[track_caller]
    pub fn json_error(&self) -> serde_json::Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let parsed: Option<serde_json::Value> = serde_json::from_str(last).ok();
        let error = parsed.and_then(|mut line| line.get_mut("error").map(serde_json::Value::take));
        error.unwrap_or_else(|| panic!("stderr does not end with an error object\n{self}"))
    }

    /// Stdout's lines, without blanks at either end or empty ones.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown end".to_string(),
        };
        write!(
            f,
            "$ {}\n{status} after {:.2?}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.command, self.took, self.stdout, self.stderr
        )
    }
}
