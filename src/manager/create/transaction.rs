use std::time::{Duration, Instant};

use crate::libvirt::{self, OwnedVolume};
use crate::manager::Error;
use crate::manager::operation::Operation;
use crate::manager::storage::Storage;

/// How long taking a create back may try.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long libvirt has to finish what it was asked for by a virsh that is gone.
const LATE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// What a create has set out to do, so that it can be taken back. Each act is noted before it is done:
/// one that was cut off midway may still have happened.
pub(in crate::manager) struct Transaction<'a> {
    op: Operation<'a>,
    defined: Option<String>,
    started: bool,
    volumes: Vec<OwnedVolume>,
}

impl<'a> Transaction<'a> {
    pub(in crate::manager) fn new(op: Operation<'a>) -> Self {
        Self { op, defined: None, started: false, volumes: Vec::new() }
    }

    pub(in crate::manager) fn will_define(&mut self, uuid: &str) {
        self.defined = Some(uuid.to_owned());
    }

    pub(in crate::manager) fn will_start(&mut self) {
        self.started = true;
    }

    pub(in crate::manager) fn will_make(&mut self, volume: &OwnedVolume) {
        self.volumes.push(volume.clone());
    }

    /// Takes everything back, the definition last: while it is there, `gc` finds the rest. Gives
    /// `cause`, or what is left if something is.
    pub(in crate::manager) async fn roll_back(self, cause: Error) -> Error {
        let deadline = Instant::now() + PATIENCE;
        let Some(uuid) = &self.defined else { return cause };
        if matches!(&cause, Error::Libvirt(libvirt::Error::TimedOut { .. } | libvirt::Error::Lost { .. })) {
            self.await_definition(uuid).await;
        }
        let removed = Storage::of(self.op).remove_domain(uuid, &self.volumes, self.started, deadline).await;
        match removed {
            Ok(_) => cause,
            Err(left) => Error::LeftBehind { cause: Box::new(cause), left },
        }
    }
    /// libvirt goes on with a call whose virsh is gone: a domain may come late.
    async fn await_definition(&self, uuid: &str) {
        let deadline = Instant::now() + LATE;
        while Instant::now() < deadline {
            match self.op.client().state(uuid).await {
                Err(error) if error.is_not_found() => tokio::time::sleep(PAUSE).await,
                // Come, or not to be known.
                _ => return,
            }
        }
    }
}
