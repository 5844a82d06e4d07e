//! What a revert that was cut off has left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Reverts;
use super::act::options;
use crate::libvirt::{Domain, DomainId, RevertMark, RevertOptions, Snapshot, SnapshotDocument};
use crate::manager::claim::Subject;
use crate::manager::gc::{Maker, maker};
use crate::manager::operation::Operation;
use crate::manager::retry::Retry;
use crate::manager::{Error, Event, Warning};
use crate::model::{Uuid, VmState};

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
            true => Reverts::of(self).settle(domain.uuid).await.map(|_| true),
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

/// How far libvirt has come with a revert that was cut off, and so what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It was done, and the VM does what it is to do.
    Done,
    /// It had not begun.
    NotBegun,
    /// A part of it was done: it is done again.
    Part,
    /// Nobody can tell, or the VM has been used since.
    Unknown,
}

impl Reverts<'_> {
    /// Brings a VM that a revert was cut off of to what it was before, or is to be, and says which: with it, whether the
    /// guest's clock was set, if that was behind. `None` where the VM has no mark of one.
    ///
    /// # Errors
    /// When libvirt can't be asked, or does not revert it again.
    pub(in crate::manager) async fn settle(
        &self,
        uuid: Uuid,
    ) -> Result<Option<(Settled, Option<bool>)>, Error> {
        self.await_libvirt(uuid).await?;
        let stored = self.op.client().definitions().stored(uuid).await?;
        let Some(mark) = &stored.reverting else {
            self.end(uuid, self.noted(uuid).as_ref()).await?;
            return Ok(None);
        };
        let (outcome, clock_set) = self.finish(&stored, mark).await?;
        self.end(uuid, self.noted(uuid).as_ref()).await?;
        let (vm, snapshot) = (stored.name.clone(), mark.snapshot.clone());
        self.op.report(Event::Warning(Warning::RevertSettled { vm, snapshot, outcome }));
        Ok(Some((outcome, clock_set)))
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

    async fn finish(&self, stored: &Domain, mark: &RevertMark) -> Result<(Settled, Option<bool>), Error> {
        let (uuid, client) = (stored.uuid, self.op.client());
        let state = client.domains().state(uuid).await?;
        let running = match state.is_active() {
            true => client.definitions().current(uuid).await?.reverting,
            false => None,
        };
        let snapshot = match client.snapshots().load(uuid, &mark.snapshot).await {
            Ok(snapshot) => snapshot,
            Err(error) if error.is_not_found() => {
                let outcome = if mark.is_done { Settled::Reverted } else { Settled::Unknown };
                return Ok((outcome, None));
            }
            Err(error) => return Err(error.into()),
        };
        let of_then = running.is_some_and(|mark| mark.is_done);
        match progress(mark, state, of_then, last_written(&snapshot)) {
            Progress::NotBegun => return Ok((Settled::Unchanged, None)),
            Progress::Unknown => return Ok((Settled::Unknown, None)),
            Progress::Done => {}
            Progress::Part => {
                let options = RevertOptions { within: AGAIN, ..options(mark.then, &snapshot) };
                client.snapshots().revert(uuid, &mark.snapshot, options).await?;
            }
        }
        let id = DomainId { uuid, name: stored.name.clone() };
        Ok((Settled::Reverted, self.power_after(&id, mark.then, snapshot.has_memory).await?))
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
        let cleared = match client.metadata().clear_reverting(uuid, active).await {
            // Its QEMU has ended meanwhile.
            Err(crate::libvirt::Error::WrongState { .. }) if active => {
                client.metadata().clear_reverting(uuid, false).await
            }
            other => other,
        };
        match cleared {
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
    pub(super) fn noted(&self, uuid: Uuid) -> Option<SnapshotDocument> {
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

/// By what the marks of the stored and, with `of_then`, the running definition say, what the VM does, and when its disks were
/// last written to.
///
/// libvirt ends the QEMU of a VM that runs first of all, or (9.0) holds it; then it reverts the disks, by another QEMU that it
/// holds where there is a memory, and at the very end changes the stored definition. So a guest that goes on by the definition
/// of before has lost nothing, and one that is held, or whose QEMU was ended, loses nothing if it is all done again.
fn progress(mark: &RevertMark, state: VmState, of_then: bool, written: Option<SystemTime>) -> Progress {
    let since = mark.since.map(|since| SystemTime::UNIX_EPOCH + since.since_epoch());
    let is_soon = |time: SystemTime| since.is_some_and(|since| time < since + LATE);
    match state {
        VmState::Paused if mark.is_done && mark.then == VmState::Paused => Progress::Done,
        VmState::Paused if !of_then && mark.was == VmState::Paused => Progress::NotBegun,
        VmState::Paused if written.is_some_and(is_soon) => Progress::Part,
        // The guest has gone on since, and a user has paused it.
        VmState::Paused if !mark.is_done => Progress::Unknown,
        // It was to be shut off, and goes on since then.
        state
            if mark.is_done && state.is_active() && !mark.then.is_active() && !is_soon(SystemTime::now()) =>
        {
            Progress::Unknown
        }
        _ if mark.is_done => Progress::Done,
        state if state.is_active() => match of_then {
            false => Progress::NotBegun,
            true if is_soon(SystemTime::now()) => Progress::Part,
            true => Progress::Unknown,
        },
        _ => match since.zip(written) {
            // Times of marks are whole seconds.
            Some((since, written)) if written < since && !mark.was.is_active() => Progress::NotBegun,
            Some((_, written)) if is_soon(written) => Progress::Part,
            _ => Progress::Unknown,
        },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn what_is_done_depends_on_how_far_libvirt_came() {
        use Progress::{Done, NotBegun, Part, Unknown};
        use VmState::{Paused, Running, Shutoff};
        let now = SystemTime::now();
        let (before, soon) = (Some(now - Duration::from_secs(60)), Some(now + Duration::from_secs(1)));
        let late = Some(now + 2 * LATE);
        for (was, then, is_done, state, of_then, written, expected) in [
            (Shutoff, Shutoff, false, Shutoff, false, before, NotBegun),
            (Shutoff, Shutoff, false, Shutoff, false, soon, Part),
            (Shutoff, Shutoff, false, Shutoff, false, late, Unknown),
            (Shutoff, Shutoff, false, Shutoff, false, None, Unknown),
            (Shutoff, Shutoff, true, Shutoff, false, late, Done),
            // The QEMU of before goes on, or was ended, or is held.
            (Running, Running, false, Running, false, soon, NotBegun),
            (Running, Running, false, Shutoff, false, before, Part),
            (Running, Running, false, Paused, false, soon, Part),
            (Paused, Running, false, Paused, false, soon, NotBegun),
            // A user has paused it since.
            (Running, Running, false, Paused, false, late, Unknown),
            (Running, Running, false, Paused, true, late, Unknown),
            (Running, Running, false, Paused, false, None, Unknown),
            (Running, Running, true, Paused, true, late, Done),
            // The one of then was started.
            (Running, Running, false, Paused, true, soon, Part),
            (Running, Running, false, Running, true, soon, Part),
            (Running, Running, true, Paused, true, soon, Part),
            (Running, Paused, true, Paused, true, soon, Done),
            (Running, Running, true, Running, true, late, Done),
            (Running, Running, true, Shutoff, false, soon, Done),
            (Running, Shutoff, true, Running, true, soon, Done),
        ] {
            let mark = RevertMark {
                snapshot: "s".into(),
                is_done,
                was,
                then,
                since: Some(Timestamp::now()),
                by: String::new(),
            };
            let shown = format!("{mark:?} {state:?} {of_then} {written:?}");
            assert_eq!(progress(&mark, state, of_then, written), expected, "{shown}");
            // Long ago, and the guest has run since: it loses nothing.
            let long_ago = RevertMark { since: "2026-01-01T00:00:00Z".parse().ok(), ..mark };
            if state == Running && (of_then && !is_done || then == Shutoff) {
                assert_eq!(progress(&long_ago, state, of_then, written), Unknown, "{shown}");
            }
        }
    }
}
