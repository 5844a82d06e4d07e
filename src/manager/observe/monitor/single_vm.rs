use std::time::{Duration, Instant};

use super::by_libvirt;
use super::qmp_poller::QmpPoller;
use super::{Error, Event, Operation, QemuEvent, RawReading};
use crate::libvirt::{self, DomainId};
use crate::manager::Warning;
use crate::model::Timestamp;
use crate::qemu;

/// How long a VM whose socket could not be had is asked of libvirt before the socket is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// A single VM, polled by QMP where possible, else by libvirt.
pub(in crate::manager) struct SingleVm {
    /// As the user calls it: when it is gone, another of this name takes its place.
    called: String,
    id: DomainId,
    /// Whether jobs and QEMU's events are wanted.
    in_full: bool,
    qmp: Option<QmpPoller>,
    /// When QMP may be tried.
    try_qmp: Instant,
    /// Whether memory statistics were enabled since it was started.
    asked: bool,
}

impl SingleVm {
    pub(in crate::manager) fn new(called: &str, id: DomainId, in_full: bool) -> Self {
        let called = called.to_owned();
        Self { called, id, in_full, qmp: None, try_qmp: Instant::now(), asked: false }
    }

    pub(in crate::manager) async fn poll(&mut self, op: Operation<'_>) -> Result<RawReading, Error> {
        match self.poll_qmp().await {
            Some(raw) => Ok(raw),
            None => self.poll_libvirt(op).await,
        }
    }

    /// `None` when QMP is not available, or no longer.
    async fn poll_qmp(&mut self) -> Option<RawReading> {
        let qmp = self.qmp.as_mut()?;
        match qmp.poll().await {
            Ok(Some(counters)) => {
                let jobs = if self.in_full { qmp.jobs().await } else { Vec::new() };
                let events = qmp.events().into_iter().map(QemuEvent::of).collect();
                let (name, uuid) = (self.id.name.clone(), self.id.uuid);
                Some(RawReading { name, uuid, counters, jobs, events })
            }
            // It has other devices now, or its QEMU is gone or hangs; libvirt tells.
            other => {
                let hangs = matches!(other, Err(qemu::Error::TimedOut { .. }));
                self.qmp = None;
                self.try_qmp = Instant::now() + if hangs { AGAIN } else { Duration::ZERO };
                None
            }
        }
    }

    async fn poll_libvirt(&mut self, op: Operation<'_>) -> Result<RawReading, Error> {
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
                super::enable_memory_stats(op, self.id.uuid, &counters).await;
            }
            if let Some(raw) = self.begin_qmp(op).await {
                return Ok(raw);
            }
        } else {
            self.asked = false;
            self.try_qmp = Instant::now();
        }
        let (name, uuid) = (stats.name, self.id.uuid);
        Ok(RawReading { name, uuid, counters, jobs: Vec::new(), events: Vec::new() })
    }

    /// Goes over to QMP, if that can be had. Then virsh is needed no more for a while.
    async fn begin_qmp(&mut self, op: Operation<'_>) -> Option<RawReading> {
        if !op.locality().is_here() || Instant::now() < self.try_qmp {
            return None;
        }
        self.try_qmp = Instant::now() + AGAIN;
        let domain = op.client().definitions().current_if_responsive(self.id.uuid).await?;
        self.qmp = Some(QmpPoller::open(&domain).await?);
        let raw = self.poll_qmp().await?;
        op.client().disconnect().await;
        Some(raw)
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
