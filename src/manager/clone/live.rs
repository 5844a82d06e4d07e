//! The disks of a running source, as they were at one moment.

use std::time::{Duration, Instant};

use super::CloneRequest;
use super::plan::{ClonePlan, Kind};
use crate::libvirt::{self, BackupDisk, BackupState, Domain};
use crate::manager::clone::Cloning;
use crate::manager::guest::GuestAgent;
use crate::manager::retry::Retry;
use crate::manager::{CloneError, DiskError, Error, Event, LiveCopyFault, Step};

/// How long a copy may make no progress: a disk of the host that hangs may come back.
const STALLED: Duration = Duration::from_secs(300);
/// How long a copy that was cancelled may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

impl Cloning<'_> {
    pub(super) async fn copy_live(
        &self,
        request: &CloneRequest,
        source: &Domain,
        plan: &ClonePlan,
    ) -> Result<(), Error> {
        let running = self.op.client().definitions().current(source.uuid).await?;
        let disks: Vec<BackupDisk> = running
            .disks
            .iter()
            .map(|disk| BackupDisk { target: disk.target.clone(), file: file_for(plan, &disk.target) })
            .collect();
        if disks.iter().all(|disk| disk.file.is_none()) {
            return Err(DiskError::NoDisk { name: source.name.clone() }.into());
        }
        self.clone_step(request, Step::CopyRunningDisks)?;
        // Short, and not to be cut off: nobody could tell whether it had begun.
        let begin = self.op.client().jobs().begin_backup(source.uuid, &disks);
        GuestAgent::of(self.op).while_frozen(&running, begin).await?;
        let ended = self.op.race(self.backup_end(request, source)).await;
        if ended.is_err() {
            self.cancel_backup(source).await;
        }
        ended
    }

    async fn backup_end(&self, request: &CloneRequest, source: &Domain) -> Result<(), Error> {
        let failed = |reason| Err(CloneError::CopyFailed { name: source.name.clone(), reason }.into());
        let mut retry = self.op.retry(STALLED);
        let mut copied_bytes = 0;
        loop {
            match self.op.client().jobs().backup_state(source.uuid).await {
                Ok(BackupState::Running { done_bytes, total_bytes }) => {
                    if done_bytes != copied_bytes {
                        copied_bytes = done_bytes;
                        retry.extend(STALLED);
                    }
                    self.op.report(Event::Transfer {
                        image: request.name.as_str(),
                        // The end is told by the end.
                        done_bytes: done_bytes.min(total_bytes.saturating_sub(1)),
                        total_bytes: Some(total_bytes),
                    });
                }
                Ok(BackupState::Done) => {
                    self.op.report(Event::Transfer {
                        image: request.name.as_str(),
                        done_bytes: 0,
                        total_bytes: Some(0),
                    });
                    return Ok(());
                }
                Ok(BackupState::Failed { reason: message }) => {
                    return failed(LiveCopyFault::Failed { message });
                }
                Err(libvirt::Error::WrongState { .. } | libvirt::Error::NotFound { .. }) => {
                    return failed(LiveCopyFault::ShutDown);
                }
                Err(error) => return Err(error.into()),
            }
            if !retry.again().await? {
                return failed(LiveCopyFault::Stalled(STALLED));
            }
        }
    }

    /// Its QEMU has to be done with the files before they are removed.
    async fn cancel_backup(&self, source: &Domain) {
        let mut retry = Retry::regardless(Instant::now() + PATIENCE);
        let _ = self.op.client().jobs().abort(source.uuid).await;
        while let Ok(BackupState::Running { .. }) = self.op.client().jobs().backup_state(source.uuid).await
            && matches!(retry.again().await, Ok(true))
        {}
    }
}

fn file_for(plan: &ClonePlan, device: &str) -> Option<String> {
    let is_backup = |kind: &Kind| matches!(kind, Kind::Backup { target, .. } if target == device);
    let mut new_files = plan.new_files.iter();
    new_files.find(|new_file| is_backup(&new_file.kind)).map(|new_file| new_file.to.path.clone())
}
