use std::path::PathBuf;

use crate::system::{fs, process};

/// Why a fact of this host could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be looked at.
    #[error("cannot inspect this host")]
    File(#[from] fs::Error),
    /// A file of the system doesn't say what it says everywhere else.
    #[error("{} does not contain the {what}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for in it.
        what: &'static str,
    },
    /// The system gives no answer about a file system.
    #[error("cannot determine the free space at {}", .path.display())]
    FreeSpace {
        /// The directory that was asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No port of 127.0.0.1 could be bound.
    #[error("there is no free TCP port on 127.0.0.1")]
    NoFreePort(#[source] std::io::Error),
    /// A command of the user's can't be run.
    #[error("cannot run a command with sh")]
    Shell(#[source] process::Error),
    /// This program can't be started again.
    #[error("cannot start a process in the background")]
    Background(#[source] process::Error),
    /// A VNC viewer can't be started.
    #[error("cannot start a VNC viewer")]
    Viewer(#[source] process::Error),
}
