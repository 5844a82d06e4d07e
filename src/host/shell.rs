use std::os::unix::process::ExitStatusExt;

use super::Error;
use crate::system::process::Attached;

/// A command of the user's own, run by `sh` on this host. It reads nothing, prints where this process does, and has
/// this process' environment. Killed on drop with all that it has started and that stayed in its session.
pub struct ShellCommand(Attached);

impl ShellCommand {
    /// Starts it, with more variables in its environment.
    ///
    /// # Errors
    /// When there is no `sh`, or no more processes can be had.
    pub fn start(line: &str, variables: &[(&str, String)]) -> Result<Self, Error> {
        let words = ["-c".into(), line.into()];
        Attached::start_without_input("sh", &words, variables).map(Self).map_err(Error::Shell)
    }

    /// Waits for its end; how it failed, if it did. A wait that is cancelled can be resumed.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<Option<String>, Error> {
        let status = self.0.wait().await.map_err(Error::Shell)?;
        Ok(match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(status), _) => Some(format!("exited with status {status}")),
            (None, Some(signal)) => Some(format!("was killed by signal {signal}")),
            (None, None) => Some("ended".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(line: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let variables = [("VMTOOLS_TEST", "it's $x".to_owned())];
        runtime
            .block_on(async { ShellCommand::start(line, &variables).expect("starts").wait().await })
            .expect("ends")
    }

    #[test]
    fn it_has_its_variables_and_no_input() {
        assert_eq!(outcome("test \"$VMTOOLS_TEST\" = \"it's \\$x\" && ! read x"), None);
        assert_eq!(outcome("exit 3").as_deref(), Some("exited with status 3"));
        assert_eq!(outcome("kill -TERM $$").as_deref(), Some("was killed by signal 15"));
    }
}
