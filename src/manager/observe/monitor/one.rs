use std::time::{Duration, Instant};

use super::by_libvirt;
use super::by_qmp::ByQmp;
use super::{Error, Event, Operation, QemuEvent, Seen};
use crate::libvirt::{self, DomainId};
use crate::manager::Warning;
use crate::model::Timestamp;
use crate::qemu;

/// How long a VM whose socket could not be had is asked of libvirt before the socket is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// One VM.
pub(in crate::manager) struct One {
    /// As the user calls it: when it is gone, another of this name takes its place.
    called: String,
    id: DomainId,
    /// Whether jobs and QEMU's events are wanted.
    in_full: bool,
    by_qmp: Option<ByQmp>,
    /// When QMP may be tried.
    try_qmp: Instant,
    /// Whether its guest was asked to tell what memory it uses, since it is on.
    asked: bool,
}

impl One {
    pub(in crate::manager) fn new(called: &str, id: DomainId, in_full: bool) -> Self {
        let called = called.to_owned();
        Self { called, id, in_full, by_qmp: None, try_qmp: Instant::now(), asked: false }
    }

    pub(in crate::manager) async fn look(&mut self, op: Operation<'_>) -> Result<Seen, Error> {
        match self.look_by_qmp().await {
            Some(seen) => Ok(seen),
            None => self.look_by_libvirt(op).await,
        }
    }

    /// `None` when QMP can't tell, or not any more.
    async fn look_by_qmp(&mut self) -> Option<Seen> {
        let by_qmp = self.by_qmp.as_mut()?;
        match by_qmp.look().await {
            Ok(Some(counters)) => {
                let jobs = if self.in_full { by_qmp.jobs().await } else { Vec::new() };
                let events = by_qmp.events().into_iter().map(QemuEvent::of).collect();
                let (name, uuid) = (self.id.name.clone(), self.id.uuid);
                Some(Seen { name, uuid, counters, jobs, events })
            }
            // It has other devices now, or its QEMU is gone or hangs; libvirt tells.
            other => {
                let hangs = matches!(other, Err(qemu::Error::TimedOut { .. }));
                self.by_qmp = None;
                self.try_qmp = Instant::now() + if hangs { AGAIN } else { Duration::ZERO };
                None
            }
        }
    }

    async fn look_by_libvirt(&mut self, op: Operation<'_>) -> Result<Seen, Error> {
        let stats = match op.client().statistics().counters(self.id.uuid).await {
            // Its QEMU hangs, unless libvirt itself does.
            Err(libvirt::Error::TimedOut { .. }) => {
                let stats = op.client().statistics().state(self.id.uuid).await?;
                op.report(Event::Warning(Warning::Hung));
                stats
            }
            Err(error) if !error.is_connection() => {
                // virsh hides why a look-up failed; the list tells.
                self.id = op.client().domains().resolve(&self.called).await?;
                op.client().statistics().counters(self.id.uuid).await?
            }
            other => other?,
        };
        let counters = by_libvirt::counters(&stats, Instant::now(), Timestamp::now());
        self.id.name.clone_from(&stats.name);
        if counters.state.is_active() {
            if !std::mem::replace(&mut self.asked, true) {
                super::have_memory_told(op, self.id.uuid, &counters).await;
            }
            if let Some(seen) = self.begin_qmp(op).await {
                return Ok(seen);
            }
        } else {
            self.asked = false;
            self.try_qmp = Instant::now();
        }
        let (name, uuid) = (stats.name, self.id.uuid);
        Ok(Seen { name, uuid, counters, jobs: Vec::new(), events: Vec::new() })
    }

    /// Goes over to QMP, if that can be had. Then virsh is needed no more for a while.
    async fn begin_qmp(&mut self, op: Operation<'_>) -> Option<Seen> {
        if !op.locality().is_here() || Instant::now() < self.try_qmp {
            return None;
        }
        self.try_qmp = Instant::now() + AGAIN;
        let domain = op.client().definitions().glimpse(self.id.uuid).await?;
        self.by_qmp = Some(ByQmp::open(&domain).await?);
        let seen = self.look_by_qmp().await?;
        op.client().rest().await;
        Some(seen)
    }
}

impl QemuEvent {
    fn of(event: qemu::Event) -> Self {
        Self {
            time: event.time.map_or_else(Timestamp::now, Timestamp::from),
            data: event.data_json().to_owned(),
            event: event.name,
        }
    }
}
