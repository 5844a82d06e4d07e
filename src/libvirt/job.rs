//! Long jobs of a domain: backups, migrations, saves. libvirt lets a domain have one at a time.

use std::time::Duration;

use super::Error;
use super::command::Command;
use crate::libvirt::Jobs;
use crate::model::Uuid;

/// How far a job is, or was when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobProgress {
    /// What is done; `None` for what this version has no word for.
    pub operation: Option<JobOperation>,
    /// How long it has taken.
    pub elapsed: Duration,
    /// The bytes of all that is moved or copied. libvirt leaves them out for a backup, which has disks only.
    pub data: Option<JobBytes>,
    /// The bytes of memory among them.
    pub memory: Option<JobBytes>,
    /// The bytes of disks among them.
    pub disk: Option<JobBytes>,
    /// How long the guest stood still, or will by QEMU's reckoning, where that is a part of the job.
    pub downtime: Option<Duration>,
}

/// Bytes that a job goes through. A migration's total grows while the guest writes to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobBytes {
    /// Those that are done.
    pub done: u64,
    /// All that are known of.
    pub total: u64,
}

/// What a job does (`virDomainJobOperation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOperation {
    /// It starts the domain.
    Start,
    /// It saves the memory to a file.
    Save,
    /// It restores the memory from a file.
    Restore,
    /// The domain comes from another host.
    MigrationIn,
    /// The domain goes to another host.
    MigrationOut,
    /// A snapshot is made.
    Snapshot,
    /// The domain is reverted to a snapshot.
    SnapshotRevert,
    /// The memory is dumped to a file.
    Dump,
    /// Its disks are backed up.
    Backup,
    /// A snapshot is deleted.
    SnapshotDelete,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It succeeded.
    Done(JobProgress),
    /// It was cancelled.
    Cancelled,
    /// It failed, for what libvirt tells of it.
    Failed {
        /// libvirt's words; `None` where it has none.
        reason: Option<String>,
    },
}

impl Jobs<'_> {
    /// How far the domain's present job is; `None` when it has none.
    ///
    /// # Errors
    /// [`Error::WrongState`] when the domain is shut off; when it is gone, or the connection fails.
    pub async fn current(self, uuid: Uuid) -> Result<Option<JobProgress>, Error> {
        let command = Command::new("domjobinfo --rawstats").domain(uuid);
        Ok(read_running(&self.client.call(command).await?))
    }

    /// How the domain's last job ended, if libvirt still knows: it forgets when the next one begins, and when
    /// its daemon ends.
    ///
    /// # Errors
    /// As [`Jobs::current`].
    pub async fn last(self, uuid: Uuid) -> Result<Option<JobOutcome>, Error> {
        let command = Command::new("domjobinfo --completed --keep-completed --rawstats --anystats");
        Ok(read_ended(&self.client.call(command.domain(uuid)).await?))
    }

    /// Cancels the domain's present job. It may end somewhat later.
    ///
    /// # Errors
    /// When there is none, or the connection fails.
    pub async fn abort(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("domjobabort").domain(uuid)).await.map(drop)
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim))
}

/// libvirt's `virDomainJobType`.
fn job_type(text: &str) -> Option<u32> {
    field(text, "Job type")?.parse().ok()
}

fn read_running(text: &str) -> Option<JobProgress> {
    // Bounded and unbounded: whether the remaining time is known.
    matches!(job_type(text), Some(1 | 2)).then(|| read_progress(text))
}

fn read_ended(text: &str) -> Option<JobOutcome> {
    let reason = || field(text, "errmsg").map(str::to_owned);
    match job_type(text)? {
        // A backup tells its success besides.
        3 if field(text, "success") != Some("0") => Some(JobOutcome::Done(read_progress(text))),
        3 | 4 => Some(JobOutcome::Failed { reason: reason() }),
        5 => Some(JobOutcome::Cancelled),
        _ => None,
    }
}

fn read_progress(text: &str) -> JobProgress {
    let number = |name: &str| field(text, name).and_then(|text| text.parse::<u64>().ok());
    let bytes = |what: &str| {
        let total = number(&format!("{what}_total"))?;
        Some(JobBytes { done: number(&format!("{what}_processed"))?, total })
    };
    JobProgress {
        operation: number("operation").and_then(operation),
        elapsed: Duration::from_millis(number("time_elapsed").unwrap_or(0)),
        data: bytes("data"),
        memory: bytes("memory"),
        disk: bytes("disk"),
        downtime: number("downtime").map(Duration::from_millis),
    }
}

fn operation(number: u64) -> Option<JobOperation> {
    Some(match number {
        1 => JobOperation::Start,
        2 => JobOperation::Save,
        3 => JobOperation::Restore,
        4 => JobOperation::MigrationIn,
        5 => JobOperation::MigrationOut,
        6 => JobOperation::Snapshot,
        7 => JobOperation::SnapshotRevert,
        8 => JobOperation::Dump,
        9 => JobOperation::Backup,
        10 => JobOperation::SnapshotDelete,
        _ => return None,
    })
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
    fn a_running_job_from_recorded_output() {
        let progress = read_running(RUNNING).expect("runs");
        assert_eq!(progress.operation, Some(JobOperation::Backup));
        assert_eq!(progress.disk, Some(JobBytes { done: 530_055_168, total: 1_073_741_824 }));
        assert_eq!(
            (progress.elapsed, progress.memory, progress.data),
            (Duration::from_millis(67), None, None)
        );
        assert_eq!((read_running("Job type: 0\n\n"), read_running(DONE)), (None, None));
    }

    #[test]
    fn ends_from_recorded_output() {
        assert!(matches!(read_ended(DONE), Some(JobOutcome::Done(progress)) if progress.disk.is_some()));
        assert_eq!(read_ended(ABORTED), Some(JobOutcome::Cancelled));
        let failed = "Job type: 4\n\noperation: 9\nsuccess: 0\nerrmsg: No space left\n";
        assert_eq!(read_ended(failed), Some(JobOutcome::Failed { reason: Some("No space left".into()) }));
        assert_eq!(read_ended("Job type: 3\nsuccess: 0\n"), Some(JobOutcome::Failed { reason: None }));
        // A migration has no such field.
        assert!(
            matches!(read_ended("Job type: 3\n\noperation: 5\ndowntime: 90\n"), Some(JobOutcome::Done(job)) if job.downtime == Some(Duration::from_millis(90)))
        );
    }

    #[test]
    fn nothing_is_no_job() {
        for text in ["", "Job type: 0\n\n", "Job type: x\n", "nonsense"] {
            assert_eq!((read_running(text), read_ended(text)), (None, None), "{text}");
        }
    }
}
