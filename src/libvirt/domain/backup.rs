//! Copies of a running domain's disks as they are at one moment: libvirt's push backup.

use std::time::Duration;

use crate::libvirt::command::Command;
use crate::libvirt::job::JobOutcome;
use crate::libvirt::xml::Element;
use crate::libvirt::{Error, Jobs};
use crate::model::Uuid;

/// For the beginning of a backup: libvirt waits half a minute for what else is being done to the domain.
const BEGIN: Duration = Duration::from_secs(60);

/// Where a disk is copied to.
#[derive(Debug, Clone)]
pub struct BackupDisk {
    /// The disk's target.
    pub target: String,
    /// The file, an empty qcow2 of the disk's size; `None` leaves the disk out.
    pub file: Option<String>,
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

impl Jobs<'_> {
    /// Begins a backup: the copies are of the moment at which this returns, and are made from then on.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn begin_backup(self, uuid: Uuid, disks: &[BackupDisk]) -> Result<(), Error> {
        let file = self.client.pass_xml("backup-begin", &to_element(disks))?;
        let begin = Command::new("backup-begin --reuse-external")
            .domain(uuid)
            .option("--backupxml", &file.path)
            .within(BEGIN);
        self.client.call(begin).await.map(drop)
    }

    /// How far the domain's backup is.
    ///
    /// # Errors
    /// When the domain was shut off, or the connection fails.
    pub async fn backup_state(self, uuid: Uuid) -> Result<BackupState, Error> {
        if let Some(job) = self.current(uuid).await? {
            let (done_bytes, total_bytes) = job.disk.map_or((0, 0), |disk| (disk.done, disk.total));
            return Ok(BackupState::Running { done_bytes, total_bytes });
        }
        let failed = |reason: &str| BackupState::Failed { reason: reason.to_owned() };
        Ok(match self.last(uuid).await? {
            Some(JobOutcome::Done(_)) => BackupState::Done,
            Some(JobOutcome::Cancelled) => failed("it was cancelled"),
            Some(JobOutcome::Failed { reason: Some(reason) }) => failed(&reason),
            Some(JobOutcome::Failed { reason: None }) | None => failed("libvirt gives no reason"),
        })
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
