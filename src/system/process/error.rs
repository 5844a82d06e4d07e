//! How a program ended that gave no result.

use std::ffi::OsStr;
use std::time::Duration;

/// A program that ran and failed: all that is known of it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The command as one would type it.
    pub command: String,
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` ", self.command)?;
        match (self.status, self.signal) {
            (Some(status), _) => write!(f, "exited with status {status}")?,
            (None, Some(signal)) => write!(f, "was killed by signal {signal}")?,
            (None, None) => write!(f, "ended")?,
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        match said.trim() {
            "" => Ok(()),
            said => write!(f, ": {said}"),
        }
    }
}

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program in `PATH`.
    #[error("the program {program} is not installed")]
    Missing {
        /// The program's name.
        program: String,
    },
    /// It could not be started, or its pipes broke.
    #[error("cannot run `{command}`")]
    Io {
        /// The command as one would type it.
        command: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It was killed because its time was over.
    #[error("`{command}` did not finish within {}", humantime::format_duration(*.deadline))]
    TimedOut {
        /// The command as one would type it.
        command: String,
        /// The time that it had.
        deadline: Duration,
    },
    /// It was killed because it printed without end.
    #[error("`{command}` printed more than {limit} bytes")]
    TooMuchOutput {
        /// The command as one would type it.
        command: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// It ran and failed.
    #[error("{0}")]
    Failed(Failure),
}

/// What it means that `program` could not be started. A directory in `PATH` that this user may not look into
/// hides behind "permission denied" that there is no such program.
pub(super) fn not_started(program: &OsStr, command: String, source: std::io::Error) -> Error {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = || std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing = match source.kind() {
        std::io::ErrorKind::NotFound => true,
        std::io::ErrorKind::PermissionDenied => !there(),
        _ => false,
    };
    if missing {
        return Error::Missing { program: program.to_string_lossy().into_owned() };
    }
    Error::Io { command, source }
}
