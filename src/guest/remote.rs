//! A command in the guest that gets this process' signals.
//!
//! ssh passes none on: ended by a signal, it leaves the command running in the guest. So the command's
//! line carries a mark, and a second ssh signals every process there that shows it: the user's shell on
//! its command line, what that has started in its environment. sudo's own process is root's; it passes
//! signals on to the command that it runs.

use std::time::Duration;

use crate::model::Uuid;

use super::error::Error;
use super::ssh::{Target, arguments};
use super::ssh_run::run;
use crate::system::process::Attached;

/// How long the second ssh may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// ssh's status when the guest could not be reached, and when a signal ended the command (ssh(1)).
const SSH_FAILED: u8 = 255;

/// A request that a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Its name, as `kill -s` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
        }
    }

    /// The exit status by which a shell tells that it ended a command.
    pub fn status(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// A command that runs in a guest, with this process' own standard streams. Dropped, its ssh is ended.
pub struct Remote {
    target: Target,
    ssh: Attached,
    mark: String,
    signalled: Option<Signal>,
}

impl Remote {
    /// Starts `command` as [`arguments`] takes it, without a terminal.
    ///
    /// # Errors
    /// When ssh is missing or the known_hosts file can't be written.
    pub fn start(target: Target, command: &[String]) -> Result<Self, Error> {
        let mark = Uuid::new_v4().simple().to_string();
        // `export` is what the shells of sh's family and fish have in common.
        let words: Vec<String> =
            std::iter::once(format!("export VMTOOLS_SSH={mark};")).chain(command.to_vec()).collect();
        let ssh = Attached::start("ssh", &arguments(&target, false, &words)?)?;
        Ok(Self { target, ssh, mark, signalled: None })
    }

    /// Waits for its end and gives its exit status; 255 when there was no connection. A wait that is
    /// cancelled can be resumed.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<u8, Error> {
        let status = self.ssh.wait().await?;
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(SSH_FAILED);
        // ssh doesn't say by which signal the command ended.
        Ok(match self.signalled {
            Some(signal) if code == SSH_FAILED => signal.status(),
            _ => code,
        })
    }

    /// Sends the signal to the command and to what it has started.
    ///
    /// # Errors
    /// When the guest can't be reached, or the command isn't found in it.
    pub async fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        self.signalled = Some(signal);
        let name = signal.name();
        let script = script(&self.mark, name);
        match run(&self.target, &script, PATIENCE).await?.status {
            0 => Ok(()),
            _ => Err(Error::NotSignalled { signal: name }),
        }
    }
}

/// A `sh` script that signals every process with the mark, as root where it may. The brackets keep its own
/// command line from showing the mark.
fn script(mark: &str, signal: &str) -> String {
    let (first, rest) = mark.split_at(1);
    format!(
        r#"S='n=1
for p in /proc/[0-9]*; do
    cat $p/environ $p/cmdline 2>/dev/null | tr "\0" "\n" | grep -q "VMTOOLS_SSH=[{first}]{rest}" || continue
    kill -s {signal} "${{p#/proc/}}" 2>/dev/null && n=0
done
exit $n'
sudo -n sh -c "$S" 2>/dev/null || sh -c "$S"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::process::Invocation;

    #[test]
    fn the_script_ends_what_carries_the_mark_and_nothing_else() {
        let mark = Uuid::new_v4().simple().to_string();
        let sh = |script: String| {
            let sh = Invocation::new("sh", PATIENCE).args(["-s"]).stdin(script);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(sh.output())
        };
        assert!(sh(script(&mark, "TERM")).is_err(), "there was none to signal");
        let started = sh(format!(
            "export VMTOOLS_SSH={mark}; sleep 1000 >/dev/null 2>&1 & echo $!; env -u VMTOOLS_SSH sleep 1001 >/dev/null 2>&1 & echo $!"
        ));
        let started = String::from_utf8(started.expect("starts").stdout).expect("numbers");
        let sleeps: Vec<&str> = started.lines().collect();
        sh(script(&mark, "TERM")).expect("one was signalled");
        assert!(sh(script(&mark, "TERM")).is_err(), "it is gone");
        sh(format!("kill {}", sleeps[1])).expect("the other one was still there");
    }
}
