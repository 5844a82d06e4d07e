//! What VMs do, look by look.
//!
//! A [`Monitor`] looks at VMs as often as it is asked to. A look gives what has been counted ([`Counters`]) and
//! what was done since the look before ([`VmSample`]). One VM alone is asked by its own QMP socket where it has
//! one, without libvirt and without any other process; many are asked of libvirt at once:
//!
//! ```text
//!          +-- QEMU answers ----> Counters ---+
//!   look --|                                  +-- and those before --> VmSample
//!          +-- else `domstats` -> Counters ---+
//! ```
//!
//! VMs may stop, start, go and come meanwhile, and libvirt's daemon may be restarted: what can't be told of a
//! moment is left out of that look, and counters that began anew give no rates until the next one.

mod by_libvirt;
mod by_qmp;
mod counters;
mod enable;
mod job;
mod many;
mod one;
mod sample;

use std::collections::{HashMap, HashSet};

use crate::manager::observe::Monitoring;

pub use counters::{Card, Counters, Disk as CountedDisk, SampleSource, Transfers};
pub use enable::QmpEnabled;
pub use job::Job;
use many::Many;
use one::One;
pub use sample::VmSample;

use crate::manager::operation::Operation;
use crate::manager::{Error, Event};
use crate::model::{Label, Timestamp, Uuid, VmState};

/// Which VMs to look at.
#[derive(Debug, Clone, Default)]
pub struct MonitorRequest {
    /// Those of these names or UUIDs; when there are none, all.
    pub names: Vec<String>,
    /// Of all, only those that carry all of these labels.
    pub labels: Vec<Label>,
    /// Of all, those that are off, too.
    pub off: bool,
    /// Of one alone, also its jobs and QEMU's own events.
    pub in_full: bool,
}

/// One VM at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// What has been counted.
    pub counters: Counters,
    /// What it did since the look before.
    pub sample: VmSample,
    /// What goes on in it that takes its time, if that was asked for and QEMU tells.
    pub jobs: Vec<Job>,
    /// What QEMU told unasked since the look before, by vmtools' own socket.
    pub events: Vec<QemuEvent>,
}

/// Something that QEMU told unasked (docs/interop/qmp-spec.rst of its sources, "Asynchronous events").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuEvent {
    /// When it happened.
    pub time: Timestamp,
    /// QEMU's name for it, such as `SHUTDOWN`.
    pub event: String,
    /// What is told of it, as a JSON object.
    pub data: String,
}

/// Looks at VMs again and again.
pub struct Monitor<'a> {
    op: Operation<'a>,
    target: Target,
    /// What the last look counted, by UUID.
    before: HashMap<Uuid, Counters>,
    /// Whether a look has succeeded.
    begun: bool,
    away: bool,
}

enum Target {
    One(Box<One>),
    Many(Many),
}

/// A VM that was looked at.
struct Seen {
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
                Target::One(Box::new(One::new(name, id, request.in_full)))
            }
            [] => Target::Many(Many::all(request.labels.clone(), request.off)),
            names => {
                let mut uuids = HashSet::new();
                for name in names {
                    uuids.insert(self.op.client().domains().resolve(name).await?.uuid);
                }
                Target::Many(Many::of(uuids))
            }
        };
        Ok(Monitor { op: self.op, target, before: HashMap::new(), begun: false, away: false })
    }
}

impl Monitor<'_> {
    /// Looks at the VMs, by name. While libvirt's daemon is away, once it was there, that is nothing.
    ///
    /// # Errors
    /// When libvirt can't be asked the first time; when the one VM that was named is gone.
    pub async fn look(&mut self) -> Result<Vec<Look>, Error> {
        let seen = match &mut self.target {
            Target::One(one) => one.look(self.op).await.map(|seen| vec![seen]),
            Target::Many(many) => many.look(self.op).await,
        };
        let seen = match seen {
            Err(Error::Libvirt(error)) if self.begun && error.is_connection() => {
                if !std::mem::replace(&mut self.away, true) {
                    self.op.report(Event::LibvirtAway { reason: &error.to_string() });
                }
                return Ok(Vec::new());
            }
            seen => seen?,
        };
        self.begun = true;
        if std::mem::replace(&mut self.away, false) {
            self.op.report(Event::LibvirtBack);
        }
        Ok(self.compare(seen))
    }

    /// Whether libvirt's daemon was away at the last look.
    pub fn is_away(&self) -> bool {
        self.away
    }

    fn compare(&mut self, seen: Vec<Seen>) -> Vec<Look> {
        let mut before = std::mem::take(&mut self.before);
        let mut looks: Vec<Look> = seen
            .into_iter()
            .map(|Seen { name, uuid, counters, jobs, events }| {
                let sample = VmSample::between(&name, uuid, before.remove(&uuid).as_ref(), &counters);
                self.before.insert(uuid, counters.clone());
                Look { counters, sample, jobs, events }
            })
            .collect();
        looks.sort_by(|a, b| a.sample.name.cmp(&b.sample.name));
        looks
    }
}

impl Look {
    /// Whether its QEMU is there.
    pub fn is_active(&self) -> bool {
        self.sample.state.is_active()
    }
}

/// How often a guest is to tell what memory it uses, in seconds.
const MEMORY_PERIOD: u32 = 5;

/// Has a running guest that doesn't do so yet tell what memory it uses. One without a balloon can't.
async fn have_memory_told(op: Operation<'_>, uuid: Uuid, counters: &Counters) {
    if counters.state == VmState::Running && counters.memory_used_mib.is_none() {
        let _ = op.client().statistics().set_memory_period(uuid, MEMORY_PERIOD).await;
    }
}
