//! Copies of a running domain's disks as they are at one moment: libvirt's push backup.

use std::time::Duration;

use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::command::Command;
use crate::libvirt::xml::Element;
use crate::system::process::{self, Invocation};

/// The longest that a guest's file systems are held.
const HOLD: Duration = Duration::from_secs(5);
/// For the beginning of a backup: libvirt waits half a minute for what else is being done to the domain.
const BEGIN: Duration = Duration::from_secs(60);
const FREEZE: &str = r#"{"execute":"guest-fsfreeze-freeze"}"#;
const THAW: &str = r#"{"execute":"guest-fsfreeze-thaw"}"#;

/// Where a disk is copied to.
#[derive(Debug, Clone)]
pub struct BackupDisk {
    /// The disk's device.
    pub target: String,
    /// The file, an empty qcow2 of the disk's size; `None` leaves the disk out.
    pub file: Option<String>,
}

/// How the guest's file systems were held while a backup began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whether they were.
    pub held: bool,
    /// Whether they were let go again.
    pub let_go: bool,
}

/// How far a backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupState {
    /// It goes on.
    Running {
        /// The bytes that were looked at.
        done_bytes: u64,
        /// All the disks' bytes.
        total_bytes: u64,
    },
    /// It is done.
    Done,
    /// It has failed.
    Failed {
        /// libvirt's words.
        reason: String,
    },
}

impl Client {
    /// Begins a backup, with the guest's file systems held by its agent meanwhile if that is asked for.
    ///
    /// They are let go by the same process that holds them, a virsh of its own which outlives this one, so
    /// even when this is killed they are; and by this one when the backup is long in beginning.
    ///
    /// # Errors
    /// When libvirt refuses. The file systems are let go then, too.
    pub async fn begin_backup(&self, uuid: &str, disks: &[BackupDisk], hold: bool) -> Result<Hold, Error> {
        let file = self.handover_xml("backup-begin", &to_element(disks))?;
        let begin = Command::new("backup-begin --reuse-external")
            .option("--domain", uuid)
            .option("--backupxml", &file.path);
        if !hold {
            self.call(begin.within(BEGIN)).await?;
            return Ok(Hold { held: false, let_go: true });
        }
        let agent = |request: &str| {
            let seconds = HOLD.as_secs().to_string();
            let command = Command::new("qemu-agent-command").option("--timeout", &seconds);
            command.option("--domain", uuid).option("--cmd", request)
        };
        let script = [agent(FREEZE).line()?, begin.line()?, agent(THAW).line()?].join("; ");
        // A pipe that nobody reads any more must not end it before the last command.
        let run = Invocation::new("env", BEGIN)
            .args(["--ignore-signal=PIPE", "virsh", "-c", self.uri().as_str()])
            .arg(&script);
        let ended = run.output();
        tokio::pin!(ended);
        let ended = tokio::select! {
            ended = &mut ended => ended,
            () = tokio::time::sleep(HOLD) => {
                let _ = self.let_go(uuid).await;
                ended.await
            }
        };
        let (stdout, stderr) = match ended {
            Ok(output) => (String::from_utf8_lossy(&output.stdout).into_owned(), output.stderr),
            Err(process::Error::Failed(failure)) => (failure.stdout.clone(), failure.stderr.clone()),
            Err(error) => {
                let _ = self.let_go(uuid).await;
                return Err(error.into());
            }
        };
        let (began, held) = read_begin(&stdout);
        let held = Hold { let_go: !held.held || held.let_go || self.let_go(uuid).await.is_ok(), ..held };
        if began {
            return Ok(held);
        }
        let words = stderr.lines().map(|line| line.trim_start_matches("error: ")).collect::<Vec<_>>();
        Err(Error::Refused { command: begin.display(), message: words.join(": ") })
    }

    /// Lets the guest's file systems go.
    async fn let_go(&self, uuid: &str) -> Result<(), Error> {
        self.agent(uuid, THAW, HOLD).await.map(drop)
    }

    /// How far the domain's backup is.
    ///
    /// # Errors
    /// When the domain went off, or the connection fails.
    pub async fn backup_state(&self, uuid: &str) -> Result<BackupState, Error> {
        let ask = |words: &str| Command::new(words).option("--domain", uuid);
        let now = self.call(ask("domjobinfo --rawstats")).await?;
        if let Some(state) = read_running(&now) {
            return Ok(state);
        }
        let ended = self.call(ask("domjobinfo --completed --keep-completed --rawstats --anystats")).await?;
        Ok(read_ended(&ended))
    }

    /// Gives the domain's present job up.
    ///
    /// # Errors
    /// When there is none, or the connection fails.
    pub async fn abort_job(&self, uuid: &str) -> Result<(), Error> {
        self.call(Command::new("domjobabort").option("--domain", uuid)).await.map(drop)
    }
}

fn to_element(disks: &[BackupDisk]) -> Element {
    let disk = |disk: &BackupDisk| {
        let element = Element::new("disk").with("name", &disk.target);
        match &disk.file {
            None => element.with("backup", "no"),
            Some(file) => element
                .with("backup", "yes")
                .with("type", "file")
                .child(Element::new("driver").with("type", "qcow2"))
                .child(Element::new("target").with("file", file)),
        }
    };
    Element::new("domainbackup")
        .with("mode", "push")
        .child(Element::new("disks").children(disks.iter().map(disk)))
}

/// Whether the backup began, and what the agent answered before and after.
fn read_begin(stdout: &str) -> (bool, Hold) {
    let answered = |text: &str| text.lines().any(|line| line.trim_start().starts_with(r#"{"return""#));
    match stdout.split_once("Backup started") {
        Some((before, after)) => (true, Hold { held: answered(before), let_go: answered(after) }),
        None => {
            let answers = stdout.matches(r#"{"return""#).count();
            (false, Hold { held: answers > 0, let_go: answers > 1 })
        }
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim))
}

fn read_running(text: &str) -> Option<BackupState> {
    // VIR_DOMAIN_JOB_NONE of libvirt's virDomainJobType.
    if field(text, "Job type").is_none_or(|kind| kind == "0") {
        return None;
    }
    let number = |name: &str| field(text, name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(BackupState::Running { done_bytes: number("disk_processed"), total_bytes: number("disk_total") })
}

fn read_ended(text: &str) -> BackupState {
    if field(text, "success") == Some("1") {
        return BackupState::Done;
    }
    let reason = field(text, "errmsg").unwrap_or("libvirt does not tell why").to_owned();
    BackupState::Failed { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    // virsh 11.3.0: `domjobinfo --rawstats`, with `--completed --keep-completed --anystats` for the ended ones.
    const RUNNING: &str = "Job type: 2\n\noperation: 9\ntime_elapsed: 67\ndisk_total: 1073741824\ndisk_processed: 530055168\ndisk_remaining: 543686656\n";
    const DONE: &str = "Job type: 3\n\noperation: 9\ntime_elapsed: 83\ndisk_total: 1073741824\ndisk_processed: 1073741824\ndisk_remaining: 0\nsuccess: 1\n";
    const ABORTED: &str =
        "Job type: 5\n\noperation: 9\ntime_elapsed: 138\nsuccess: 0\nerrmsg: Operation canceled\n";

    #[test]
    fn states_from_recorded_output() {
        let running = BackupState::Running { done_bytes: 530_055_168, total_bytes: 1_073_741_824 };
        assert_eq!(read_running(RUNNING), Some(running));
        assert_eq!(read_running("Job type: 0\n\n"), None);
        assert_eq!(read_ended(DONE), BackupState::Done);
        assert_eq!(read_ended(ABORTED), BackupState::Failed { reason: "Operation canceled".into() });
        assert!(matches!(read_ended(""), BackupState::Failed { .. }));
    }

    #[test]
    fn what_was_held_is_known_by_the_agents_answers() {
        let hold = |held, let_go| Hold { held, let_go };
        let all = "{\"return\":1}\n\nBackup started\n{\"return\":1}\n\n";
        assert_eq!(read_begin(all), (true, hold(true, true)));
        assert_eq!(read_begin("\nBackup started\n{\"return\":0}\n"), (true, hold(false, true)));
        assert_eq!(read_begin("{\"return\":1}\n\n{\"return\":1}\n"), (false, hold(true, true)));
        assert_eq!(read_begin("{\"return\":1}\n"), (false, hold(true, false)));
        assert_eq!(read_begin(""), (false, hold(false, false)));
    }
}
