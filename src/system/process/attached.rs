use std::ffi::OsString;
use std::process::ExitStatus;

use process_wrap::tokio::{CommandWrap, KillOnDrop, ProcessSession};

use super::{Error, Guard, not_started, quoted};

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
        let words = arguments.iter().map(|word| quoted(&word.to_string_lossy()));
        let command = std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
        log::debug!(target: super::LOG_TARGET, "{command}");
        let mut wrap = CommandWrap::with_new(program, |command| {
            command.args(arguments);
        });
        wrap.wrap(KillOnDrop).wrap(ProcessSession);
        match wrap.spawn() {
            Ok(child) => Ok(Self { child: Guard(Some(child)), command }),
            Err(source) => Err(not_started(program.as_ref(), command, source)),
        }
    }

    /// Waits for its end. A wait that is given up can be taken up again.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let command = &self.command;
        self.child.wait().await.map_err(|source| Error::Io { command: command.clone(), source })
    }
}
