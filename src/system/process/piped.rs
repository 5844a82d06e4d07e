//! Programs that are kept open, and the end of all that were started.

use std::process::ExitStatus;
use std::time::Duration;

use process_wrap::tokio::ChildWrapper;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A program that is kept open, with its three pipes. It and its whole session are killed on drop.
pub struct Piped {
    /// Keeps the program alive; dropping it kills.
    pub(crate) child: Guard,
    /// What the program reads.
    pub stdin: ChildStdin,
    /// What the program prints.
    pub stdout: ChildStdout,
    /// What the program complains.
    pub stderr: ChildStderr,
}

impl Piped {
    /// Closes the program's input and waits for its end, at most `grace`, then kills it.
    pub async fn close(self, grace: Duration) {
        let Self { mut child, stdin, stdout, stderr } = self;
        drop((stdin, stdout, stderr));
        let _ = tokio::time::timeout(grace, child.wait()).await;
    }

    /// Kills the program and its session.
    pub fn kill(&mut self) {
        self.child.kill();
    }
}

/// A child that is killed on drop together with its session, unless its end was seen.
pub(crate) struct Guard(pub(super) Option<Box<dyn ChildWrapper>>);

impl Guard {
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let Some(child) = self.0.as_mut() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let status = child.wait().await?;
        // Its id may be another process' from here on.
        self.0 = None;
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(child) = self.0.as_mut() {
            let _ = child.start_kill();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}
