//! Monitoring: what VMs use, sampled at intervals.
//!
//! A [`Monitor`] polls VMs as often as it is called. Each poll gives the counters so far ([`Counters`]) and
//! the rates since the previous poll ([`VmSample`]). A single VM is polled through its own QMP socket where it has
//! one, without libvirt and without any other process; several VMs are polled through libvirt at once:
//!
//! ```text
//!          +-- QEMU answers ----> Counters ---+
//!   poll --|                                  +-- and the previous --> VmSample
//!          +-- else `domstats` -> Counters ---+
//! ```
//!
//! VMs may stop, start, go and come meanwhile, and libvirt's daemon may be restarted: what cannot be determined of a
//! moment is left out of that poll, and counters that were reset give no rates until the next one.

mod by_libvirt;
mod counters;
mod enable;
mod job;
mod qmp_poller;
mod sample;
mod single_vm;
mod vm_group;

use std::collections::{HashMap, HashSet};

use crate::manager::observe::Monitoring;

pub use counters::{Counters, Disk as CountedDisk, InterfaceCounters, SampleSource, Transfers};
pub use enable::QmpEnabled;
pub use job::Job;
pub use sample::VmSample;
use single_vm::SingleVm;
use vm_group::VmGroup;

use crate::manager::operation::Operation;
use crate::manager::{Error, Event};
use crate::model::{Label, Timestamp, Uuid, VmState};

/// Which VMs to monitor.
#[derive(Debug, Clone, Default)]
pub struct MonitorRequest {
    /// Those of these names or UUIDs; when there are none, all.
    pub names: Vec<String>,
    /// Of all, only those that carry all of these labels.
    pub labels: Vec<Label>,
    /// Of all, those that are shut off, too.
    pub off: bool,
    /// Of one alone, also its jobs and QEMU's own events.
    pub in_full: bool,
}

/// One VM's counters and rates at one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The counters since the VM started.
    pub counters: Counters,
    /// The rates since the previous poll.
    pub sample: VmSample,
    /// Its running block jobs and migrations, if they were requested and QEMU reports them.
    pub jobs: Vec<Job>,
    /// QMP events since the previous poll, received on vmtools' own socket.
    pub events: Vec<QemuEvent>,
}

/// A QMP event (docs/interop/qmp-spec.rst of QEMU's sources, "Asynchronous events").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuEvent {
    /// When it happened.
    pub time: Timestamp,
    /// QEMU's name for it, such as `SHUTDOWN`.
    pub event: String,
    /// Its data, as a JSON object.
    pub data: String,
}

/// Polls VMs repeatedly and computes rates between polls.
pub struct Monitor<'a> {
    op: Operation<'a>,
    target: Target,
    /// The counters of the previous poll, by UUID.
    before: HashMap<Uuid, Counters>,
    /// Whether a poll has succeeded.
    begun: bool,
    away: bool,
}

enum Target {
    SingleVm(Box<SingleVm>),
    VmGroup(VmGroup),
}

/// What one poll of a VM returned, before rates are computed.
struct RawReading {
    name: String,
    uuid: Uuid,
    counters: Counters,
    jobs: Vec<Job>,
    events: Vec<QemuEvent>,
}

impl<'a> Monitoring<'a> {
    /// A monitor of the VMs.
    ///
    /// # Errors
    /// When one that was named is not there, or libvirt can't be asked.
    pub async fn monitor(&self, request: &MonitorRequest) -> Result<Monitor<'a>, Error> {
        let target = match request.names.as_slice() {
            [name] => {
                let id = self.op.client().domains().resolve(name).await?;
                Target::SingleVm(Box::new(SingleVm::new(name, id, request.in_full)))
            }
            [] => Target::VmGroup(VmGroup::all(request.labels.clone(), request.off)),
            names => {
                let mut uuids = HashSet::new();
                for name in names {
                    uuids.insert(self.op.client().domains().resolve(name).await?.uuid);
                }
                Target::VmGroup(VmGroup::of(uuids))
            }
        };
        Ok(Monitor { op: self.op, target, before: HashMap::new(), begun: false, away: false })
    }
}

impl Monitor<'_> {
    /// Polls the VMs; the readings are sorted by name. Empty while libvirt's daemon is away after an earlier success.
    ///
    /// # Errors
    /// When libvirt can't be asked the first time; when the one VM that was named is gone.
    pub async fn poll(&mut self) -> Result<Vec<Reading>, Error> {
        let raw = match &mut self.target {
            Target::SingleVm(vm) => vm.poll(self.op).await.map(|raw| vec![raw]),
            Target::VmGroup(group) => group.poll(self.op).await,
        };
        let raw = match raw {
            Err(Error::Libvirt(error)) if self.begun && error.is_connection() => {
                if !std::mem::replace(&mut self.away, true) {
                    self.op.report(Event::LibvirtAway { reason: &error.to_string() });
                }
                return Ok(Vec::new());
            }
            raw => raw?,
        };
        self.begun = true;
        if std::mem::replace(&mut self.away, false) {
            self.op.report(Event::LibvirtBack);
        }
        Ok(self.compare(raw))
    }

    /// Whether libvirt's daemon was away at the last poll.
    pub fn is_away(&self) -> bool {
        self.away
    }

    fn compare(&mut self, raw: Vec<RawReading>) -> Vec<Reading> {
        let mut before = std::mem::take(&mut self.before);
        let mut readings: Vec<Reading> = raw
            .into_iter()
            .map(|RawReading { name, uuid, counters, jobs, events }| {
                let sample = VmSample::between(&name, uuid, before.remove(&uuid).as_ref(), &counters);
                self.before.insert(uuid, counters.clone());
                Reading { counters, sample, jobs, events }
            })
            .collect();
        readings.sort_by(|a, b| a.sample.name.cmp(&b.sample.name));
        readings
    }
}

impl Reading {
    /// Whether its QEMU is there.
    pub fn is_active(&self) -> bool {
        self.sample.state.is_active()
    }
}

/// How often a guest reports its memory use, in seconds.
const MEMORY_PERIOD: u32 = 5;

/// Has the balloon of a running guest report its memory use, if it doesn't yet. Without a balloon nothing happens.
async fn enable_memory_stats(op: Operation<'_>, uuid: Uuid, counters: &Counters) {
    if counters.state == VmState::Running && counters.memory_used_mib.is_none() {
        let _ = op.client().statistics().set_memory_period(uuid, MEMORY_PERIOD).await;
    }
}
