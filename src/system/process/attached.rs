use std::ffi::OsString;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};

use process_wrap::tokio::{CommandWrap, KillOnDrop, ProcessSession};
use tokio::process::{ChildStderr, ChildStdout};

use super::keyboard::Keyboard;
use super::parent::tied_with_children;
use super::{Error, Guard, not_started, quoted, unwanted_variables};

/// A program that reads what is typed on a keyboard of its own.
pub struct AtKeyboard {
    /// The program; ended on drop.
    pub process: Attached,
    /// What it reads.
    pub keyboard: Keyboard,
    /// What it prints.
    pub stdout: ChildStdout,
    /// What it complains.
    pub stderr: ChildStderr,
}

/// A program that has this process' own standard streams and environment, but a session of its own, so
/// that a Ctrl-C for this process doesn't reach it. Killed on drop.
pub struct Attached {
    child: Guard,
    command: String,
}

impl Attached {
    /// Starts `program`, looked up in `PATH`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &str, arguments: &[OsString]) -> Result<Self, Error> {
        let command = logged(program, arguments);
        let mut wrap = CommandWrap::with_new(program, |command| {
            command.args(arguments);
        });
        wrap.wrap(KillOnDrop).wrap(ProcessSession);
        match wrap.spawn() {
            Ok(child) => Ok(Self { child: Guard(Some(child)), command }),
            Err(source) => Err(not_started(program.as_ref(), command, source)),
        }
    }

    /// As [`Attached::start`], with nothing to read; what it prints goes to this process' standard error.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_beside(program: &str, arguments: &[OsString]) -> Result<Self, Error> {
        let command = logged(program, arguments);
        let stderr = std::io::stderr().as_fd().try_clone_to_owned();
        let stderr = stderr.map_err(|source| Error::Io { command: command.clone(), source })?;
        let mut wrap = CommandWrap::with_new(program, |child| {
            child.args(arguments).stdin(Stdio::null()).stdout(stderr);
        });
        wrap.wrap(KillOnDrop).wrap(ProcessSession);
        match wrap.spawn() {
            Ok(child) => Ok(Self { child: Guard(Some(child)), command }),
            Err(source) => Err(not_started(program.as_ref(), command, source)),
        }
    }

    /// As [`Attached::start`], with more variables in its environment, and nothing to read. It is ended, with what it
    /// started, when this process is killed, as far as the system can do that.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_without_input(
        program: &str,
        arguments: &[OsString],
        variables: &[(&str, String)],
    ) -> Result<Self, Error> {
        let command = logged(program, arguments);
        let (tied, words) = tied_with_children(program.as_ref(), arguments);
        let mut wrap = CommandWrap::with_new(tied, |command| {
            command.args(words).stdin(Stdio::null());
            command.envs(variables.iter().map(|(name, value)| (name, value)));
        });
        wrap.wrap(KillOnDrop).wrap(ProcessSession);
        match wrap.spawn() {
            Ok(child) => Ok(Self { child: Guard(Some(child)), command }),
            Err(source) => Err(not_started(program.as_ref(), command, source)),
        }
    }

    /// Starts `program` at a terminal of its own, which is a keyboard alone: what it prints, in English, comes by pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_at_keyboard(program: &str, arguments: &[OsString]) -> Result<AtKeyboard, Error> {
        let command = logged(program, arguments);
        let io = |source| Error::Io { command: command.clone(), source };
        let (keyboard, terminal) = Keyboard::new().map_err(io)?;
        let mut wrap = CommandWrap::with_new(program, |child| {
            child.args(arguments).stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped());
            for name in unwanted_variables() {
                child.env_remove(name);
            }
            child.env("LC_ALL", "C.UTF-8").env("LANGUAGE", "");
        });
        wrap.wrap(KillOnDrop).wrap(ProcessSession);
        let mut child =
            wrap.spawn().map_err(|source| not_started(program.as_ref(), command.clone(), source))?;
        match (child.stdout().take(), child.stderr().take()) {
            (Some(stdout), Some(stderr)) => {
                let process = Self { child: Guard(Some(child)), command };
                Ok(AtKeyboard { process, keyboard, stdout, stderr })
            }
            _ => Err(io(std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Waits for its end. A wait that is cancelled can be resumed.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let command = &self.command;
        self.child.wait().await.map_err(|source| Error::Io { command: command.clone(), source })
    }
}

/// The command as one would type it, for `-v` and for errors.
fn logged(program: &str, arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|word| quoted(&word.to_string_lossy()));
    let command = std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
    log::debug!(target: super::LOG_TARGET, "{command}");
    command
}
