//! A command of libvirt for whose time the guest's file systems are frozen by its agent.

use std::time::Duration;

use crate::libvirt::command::Command;
use crate::libvirt::{Error, GuestAgent};
use crate::model::Uuid;
use crate::system::process::{self, Invocation};

/// The longest that a guest's file systems are frozen.
const LONGEST: Duration = Duration::from_secs(5);
const FREEZE: &str = r#"{"execute":"guest-fsfreeze-freeze"}"#;
const THAW: &str = r#"{"execute":"guest-fsfreeze-thaw"}"#;
/// Printed before and after the command, so that its output is told from the agent's.
const BEFORE: &str = "vmtools-frozen";
const AFTER: &str = "vmtools-thaw";

/// How the guest's file systems were frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// Whether they were.
    pub frozen: bool,
    /// Whether they are thawed again.
    pub thawed: bool,
}

impl GuestAgent<'_> {
    /// Runs a command that prints something when it succeeds, with the guest's file systems frozen meanwhile.
    /// Where the agent does not freeze them, the command runs all the same.
    ///
    /// They are thawed by the same process that froze them, a virsh of its own which outlives this one, so
    /// even when this is killed they are; and by this one when the command takes long.
    ///
    /// # Errors
    /// When libvirt refuses the command. The file systems are thawed then, too.
    pub(super) async fn call_frozen(self, uuid: Uuid, command: &Command) -> Result<Freeze, Error> {
        let agent = |request: &str| {
            let seconds = LONGEST.as_secs().to_string();
            let command = Command::new("qemu-agent-command").option("--timeout", &seconds);
            command.domain(uuid).option("--cmd", request)
        };
        let say = |word: &str| format!("echo {word}");
        let (freeze, thaw) = (agent(FREEZE), agent(THAW));
        let script = [freeze.line()?, &say(BEFORE), command.line()?, &say(AFTER), thaw.line()?].join("; ");
        // A pipe that nobody reads any more must not end it before the last command.
        let run = Invocation::new("env", command.deadline())
            .args(["--ignore-signal=PIPE", "virsh", "-c", self.client.uri().as_str()])
            .arg(&script);
        let ended = run.output();
        tokio::pin!(ended);
        let ended = tokio::select! {
            ended = &mut ended => ended,
            () = tokio::time::sleep(LONGEST) => {
                let _ = self.thaw(uuid).await;
                ended.await
            }
        };
        let (stdout, stderr) = match ended {
            Ok(output) => (String::from_utf8_lossy(&output.stdout).into_owned(), output.stderr),
            Err(process::Error::Failed(failure)) => (failure.stdout.clone(), failure.stderr.clone()),
            Err(error) => {
                let _ = self.thaw(uuid).await;
                return Err(error.into());
            }
        };
        let (succeeded, freeze) = read(&stdout);
        let thawed = !freeze.frozen || freeze.thawed || self.thaw(uuid).await.is_ok();
        if succeeded {
            return Ok(Freeze { thawed, ..freeze });
        }
        let words = stderr.lines().map(|line| line.trim_start_matches("error: ")).collect::<Vec<_>>();
        Err(Error::refused(command.display(), words.join(": ")))
    }

    /// Thaws the guest's file systems.
    async fn thaw(self, uuid: Uuid) -> Result<(), Error> {
        self.command(uuid, THAW, LONGEST).await.map(drop)
    }
}

/// Whether the command printed something, and what the agent answered before and after it.
fn read(stdout: &str) -> (bool, Freeze) {
    let answered = |text: &str| text.lines().any(|line| line.trim_start().starts_with(r#"{"return""#));
    let (before, rest) = stdout.split_once(BEFORE).unwrap_or((stdout, ""));
    let (printed, after) = rest.split_once(AFTER).unwrap_or((rest, ""));
    (!printed.trim().is_empty(), Freeze { frozen: answered(before), thawed: answered(after) })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The form of virsh 11.3.0's output.
    #[test]
    fn what_was_frozen_is_known_by_the_agents_answers() {
        let freeze = |frozen, thawed| Freeze { frozen, thawed };
        for (stdout, succeeded, expected) in [
            (
                "{\"return\":1}\n\nvmtools-frozen\nBackup started\n\nvmtools-thaw\n{\"return\":1}\n\n",
                true,
                freeze(true, true),
            ),
            ("\nvmtools-frozen\nBackup started\nvmtools-thaw\n{\"return\":0}\n", true, freeze(false, true)),
            ("{\"return\":1}\nvmtools-frozen\n\nvmtools-thaw\n{\"return\":1}\n", false, freeze(true, true)),
            ("{\"return\":1}\nvmtools-frozen\n", false, freeze(true, false)),
            ("", false, freeze(false, false)),
        ] {
            assert_eq!(read(stdout), (succeeded, expected), "{stdout:?}");
        }
    }
}
