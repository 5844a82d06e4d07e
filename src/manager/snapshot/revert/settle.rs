//! What a revert that was cut off has left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Reverts;
use crate::libvirt::{Domain, RevertMark, RevertOptions, Snapshot, SnapshotDocument};
use crate::manager::claim::Subject;
use crate::manager::gc::{Maker, maker};
use crate::manager::operation::Operation;
use crate::manager::power::Power;
use crate::manager::retry::Retry;
use crate::manager::{Error, Event, Warning};
use crate::model::Uuid;

/// How long libvirt may still be at it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Disks that are written to later than this after a revert began were written to by somebody else.
const LATE: Duration = Duration::from_secs(900);
/// For doing it again.
const AGAIN: Duration = Duration::from_secs(600);

/// What came of a revert that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The VM is reverted.
    Reverted,
    /// The VM is as it was before.
    Unchanged,
    /// The VM has been used since, or its disks can't be looked at, so it is left as it is.
    Unknown,
}

impl Operation<'_> {
    /// Settles a revert of the VM that was cut off, if there was one; whether there was. For who has claimed it.
    ///
    /// # Errors
    /// When libvirt can't be asked, or does not revert it again.
    pub(in crate::manager) async fn settle_revert(self, domain: &Domain) -> Result<bool, Error> {
        match is_cut_off(domain) {
            true => Reverts::of(self).settle(domain.uuid).await.map(|()| true),
            false => Ok(false),
        }
    }

    /// The same for who has not claimed it exclusively.
    ///
    /// # Errors
    /// As [`Operation::settle_revert`]; [`Error::Claimed`].
    pub(in crate::manager) async fn settle_unclaimed(self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let domain = self.client().definitions().stored(uuid).await?;
        if is_cut_off(&domain) {
            let _claim = self.claim_exclusive(Subject::Vm(uuid), name).await?;
            let domain = self.client().definitions().stored(uuid).await?;
            self.settle_revert(&domain).await?;
        }
        Ok(())
    }
}

/// Whether the process that reverted the VM has ended midway.
pub(in crate::manager) fn is_cut_off(domain: &Domain) -> bool {
    domain.reverting.as_ref().is_some_and(|mark| matches!(maker(Some(&mark.by)), Maker::Gone))
}

impl Reverts<'_> {
    /// Brings a VM that a revert was cut off of to what it was before, or is to be, and says which.
    ///
    /// # Errors
    /// When libvirt can't be asked, or does not revert it again.
    pub(in crate::manager) async fn settle(&self, uuid: Uuid) -> Result<(), Error> {
        self.await_libvirt(uuid).await?;
        let stored = self.op.client().definitions().stored(uuid).await?;
        if let Some(mark) = &stored.reverting {
            let outcome = self.outcome(&stored, mark).await?;
            if outcome == Settled::Reverted && self.op.client().domains().state(uuid).await?.is_active() {
                let running = self.op.client().definitions().current(uuid).await?;
                Power::of(self.op).forward_by_slirp(&running).await?;
            }
            self.end(uuid, self.noted(uuid).as_ref()).await?;
            let (vm, snapshot) = (stored.name.clone(), mark.snapshot.clone());
            self.op.report(Event::Warning(Warning::RevertSettled { vm, snapshot, outcome }));
        } else {
            self.end(uuid, self.noted(uuid).as_ref()).await?;
        }
        Ok(())
    }

    /// libvirt goes on with what it was asked for by a process that is gone, and changes no definition meanwhile: this
    /// changes nothing, and is done once it could.
    async fn await_libvirt(&self, uuid: Uuid) -> Result<(), Error> {
        let metadata = self.op.client().metadata();
        let retry = Retry::regardless(Instant::now() + PATIENCE);
        match retry.while_busy(async || metadata.clear_creating(uuid, false).await).await {
            Err(error) if error.is_connection() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn outcome(&self, stored: &Domain, mark: &RevertMark) -> Result<Settled, Error> {
        let uuid = stored.uuid;
        if mark.is_done {
            return Ok(Settled::Reverted);
        }
        // libvirt ends a QEMU before all else, and the definition changes before it starts another.
        if self.op.client().domains().state(uuid).await?.is_active() {
            return Ok(Settled::Unchanged);
        }
        let snapshot = match self.op.client().snapshots().load(uuid, &mark.snapshot).await {
            Ok(snapshot) => snapshot,
            Err(error) if error.is_not_found() => return Ok(Settled::Unknown),
            Err(error) => return Err(error.into()),
        };
        let since = mark.since.map(|since| SystemTime::UNIX_EPOCH + since.since_epoch());
        match since.zip(last_written(&snapshot)) {
            // Times of marks are whole seconds.
            Some((since, written)) if written < since => Ok(Settled::Unchanged),
            Some((since, written)) if written < since + LATE => {
                let options = RevertOptions { state: None, force: true, within: AGAIN };
                self.op.client().snapshots().revert(uuid, &mark.snapshot, options).await?;
                Ok(Settled::Reverted)
            }
            _ => Ok(Settled::Unknown),
        }
    }

    /// The snapshot's document becomes what it was, and the marks go.
    pub(super) async fn end(&self, uuid: Uuid, original: Option<&SnapshotDocument>) -> Result<(), Error> {
        let client = self.op.client();
        if let Some(original) = original {
            // One that was deleted since must not come back, nor another one that has its name by now be changed.
            let restored = match client.snapshots().document(uuid, &original.name()).await {
                Ok(now) if now.is_of_same(original) => client.snapshots().redefine(uuid, original).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            match restored {
                Err(error) if error.is_connection() => return Err(error.into()),
                Err(error) => log::debug!("the document of the snapshot {}: {error}", original.name()),
                Ok(()) => {}
            }
        }
        self.remove_journal(uuid);
        let active = client.domains().state(uuid).await?.is_active();
        match client.metadata().clear_reverting(uuid, active).await {
            Err(error) if error.is_connection() => Err(error.into()),
            Err(error) if client.definitions().stored(uuid).await?.reverting.is_some() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Keeps the document until the revert is over.
    pub(super) fn note(&self, uuid: Uuid, document: &SnapshotDocument) -> Result<(), Error> {
        let text = document.to_text().map_err(|error| crate::libvirt::Error::Unexpected {
            command: "virsh snapshot-dumpxml".into(),
            reason: error.to_string(),
        })?;
        Ok(self.op.paths().write_private(&self.journal(uuid), text.as_bytes())?)
    }

    /// The document that a revert has kept, if there is one.
    fn noted(&self, uuid: Uuid) -> Option<SnapshotDocument> {
        SnapshotDocument::parse(&std::fs::read_to_string(self.journal(uuid)).ok()?).ok()
    }

    fn journal(&self, uuid: Uuid) -> PathBuf {
        self.op.paths().reverts_folder().join(format!("{uuid}.xml"))
    }

    /// The VMs of which a revert has kept a document, with the file.
    pub(in crate::manager) fn journals(&self) -> Vec<(Uuid, PathBuf)> {
        let entries = std::fs::read_dir(self.op.paths().reverts_folder()).into_iter().flatten().flatten();
        let uuid_of = |path: &Path| Uuid::try_parse(path.file_stem()?.to_str()?).ok();
        entries.filter_map(|entry| Some((uuid_of(&entry.path())?, entry.path()))).collect()
    }

    /// Removes what a revert of a VM that is gone has kept.
    pub(in crate::manager) fn remove_journal(&self, uuid: Uuid) {
        let _ = std::fs::remove_file(self.journal(uuid));
    }
}

/// When the snapshot's disks were last written to; `None` where one can't be looked at.
fn last_written(snapshot: &Snapshot) -> Option<SystemTime> {
    let domain = snapshot.domain();
    let kept = domain.disks.iter().filter(|disk| snapshot.has_disk(&disk.target));
    let times: Option<Vec<SystemTime>> =
        kept.map(|disk| std::fs::metadata(disk.path.as_ref()?).ok()?.modified().ok()).collect();
    times?.into_iter().max()
}
