//! What an operation has set out to do, so that it can be rolled back.
//!
//! Each act is noted before it is done: one that was cut off midway may still have happened, and libvirt goes on
//! with a call whose virsh is gone. On an error or an interrupt the stack is unwound, the last act first. The
//! definition of a VM that is being made is the record by which `gc` finds the rest: as long as something of it
//! is left, the definition stays.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::operation::Operation;
use super::retry::Retry;
use super::storage::Storage;
use super::{Error, Left, Remnant};
use crate::host;
use crate::libvirt::{self, OwnedVolume, UndefineOptions};
use crate::model::Uuid;

/// How long a roll-back may try.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long libvirt has to finish what it was asked for by a virsh that is gone.
const LATE: Duration = Duration::from_secs(20);

/// What undoes an act.
enum Undo<'a> {
    /// Forgets a VM that was defined.
    Definition(Uuid),
    /// Stops a VM that was started.
    Start(Uuid),
    /// Deletes a volume.
    Volume(OwnedVolume),
    /// Stops a network and forgets it.
    Network { uuid: Uuid, name: String },
    /// Anything else: what is left if it fails, and the work.
    Other { left: Vec<Left>, work: Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>> },
}

/// The acts of an operation, in their order.
pub(in crate::manager) struct UndoStack<'a> {
    op: Operation<'a>,
    undos: Vec<Undo<'a>>,
    patience: Duration,
}

impl<'a> UndoStack<'a> {
    pub(in crate::manager) fn new(op: Operation<'a>) -> Self {
        Self { op, undos: Vec::new(), patience: PATIENCE }
    }

    /// With another limit to how long a roll-back may try.
    #[must_use]
    pub(in crate::manager) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(in crate::manager) fn will_define(&mut self, uuid: Uuid) {
        self.undos.push(Undo::Definition(uuid));
    }

    pub(in crate::manager) fn will_start(&mut self, uuid: Uuid) {
        self.undos.push(Undo::Start(uuid));
    }

    pub(in crate::manager) fn will_make(&mut self, volume: &OwnedVolume) {
        self.undos.push(Undo::Volume(volume.clone()));
    }

    pub(in crate::manager) fn will_define_network(&mut self, uuid: Uuid, name: &str) {
        self.undos.push(Undo::Network { uuid, name: name.to_owned() });
    }

    /// An act of another kind. `left` names what stays if its `work` fails, which is begun only then.
    pub(in crate::manager) fn will(
        &mut self,
        left: Vec<Left>,
        work: impl Future<Output = Result<(), Error>> + 'a,
    ) {
        self.undos.push(Undo::Other { left, work: Box::pin(work) });
    }

    /// Rolls everything back, the last act first. Gives `cause`, with what is left if something is.
    pub(in crate::manager) async fn unwind(mut self, cause: Error) -> Error {
        let deadline = Instant::now() + self.patience;
        let may_come_late =
            matches!(&cause, Error::Libvirt(libvirt::Error::TimedOut { .. } | libvirt::Error::Lost { .. }));
        let mut left = Vec::new();
        let mut volumes = Vec::new();
        while let Some(undo) = self.undos.pop() {
            if let Undo::Volume(volume) = undo {
                volumes.push(volume);
                continue;
            }
            left.extend(self.delete(&mut volumes, deadline).await);
            if let Undo::Definition(uuid) = undo {
                if !left.is_empty() {
                    left.push(Left::Definition { uuid }.into());
                    continue;
                }
                if may_come_late {
                    self.await_definition(uuid).await;
                }
            }
            left.extend(self.undo(undo, deadline).await);
        }
        left.extend(self.delete(&mut volumes, deadline).await);
        match left.is_empty() {
            true => cause,
            false => Error::LeftBehind { cause: Box::new(cause), left },
        }
    }

    /// What is left, if it can't be undone.
    async fn undo(&self, undo: Undo<'_>, deadline: Instant) -> Vec<Remnant> {
        let client = self.op.client();
        let retry = || Retry::regardless(deadline);
        let failed = |what: Left, error: libvirt::Error| vec![Remnant::because(what, error)];
        match undo {
            Undo::Volume(_) => Vec::new(),
            Undo::Start(uuid) => {
                match retry().while_busy(async || client.domains().destroy(uuid).await).await {
                    Ok(_) => {
                        // QEMU leaves that of its screen when it is ended.
                        host::remove_vm_sockets(uuid);
                        Vec::new()
                    }
                    Err(error) => failed(Left::RunningVm { uuid }, error),
                }
            }
            Undo::Definition(uuid) => {
                let all = UndefineOptions::default();
                let removed = Storage::of(self.op).remove_domain(uuid, &[], false, all, deadline).await;
                removed.err().unwrap_or_default()
            }
            Undo::Network { uuid, name } => {
                let stopped = retry().while_busy(async || client.networks().destroy(uuid).await).await;
                let forgotten = retry().while_busy(async || client.networks().undefine(uuid).await).await;
                match stopped.and(forgotten) {
                    Ok(_) => Vec::new(),
                    Err(error) => failed(Left::Network { name }, error),
                }
            }
            Undo::Other { left, work } => match work.await {
                Ok(()) => Vec::new(),
                Err(_) => left.into_iter().map(Remnant::from).collect(),
            },
        }
    }

    async fn delete(&self, volumes: &mut Vec<OwnedVolume>, deadline: Instant) -> Vec<Remnant> {
        let volumes = std::mem::take(volumes);
        if volumes.is_empty() {
            return Vec::new();
        }
        Storage::of(self.op).remove_volumes(&volumes, deadline).await.err().unwrap_or_default()
    }

    /// Waits for a definition that libvirt was asked for by a virsh that is gone.
    async fn await_definition(&self, uuid: Uuid) {
        let mut retry = Retry::regardless(Instant::now() + LATE);
        while self.op.client().domains().state(uuid).await.is_err_and(|error| error.is_not_found()) {
            if !matches!(retry.again().await, Ok(true)) {
                return;
            }
        }
    }
}
