//! One VM: what it does now, and did in the last minutes.

use std::time::{Duration, Instant};

use super::chart::Unit;
use super::history::Series;
use crate::manager::{Job, VmSample, VmStatus};
use crate::model::VmState;

/// How often the VM's addresses are asked for: while there are none, and otherwise.
const SOON: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(60);

/// A thing that is measured.
pub struct Metric {
    /// What it is called.
    pub label: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its value in a sample.
    pub of: fn(&VmSample) -> Option<f64>,
}

/// What is measured, in the order in which it is shown.
pub const METRICS: [Metric; 10] = [
    Metric { label: "cpu", unit: Unit::Percent, of: |vm| vm.cpu_percent },
    Metric {
        label: "memory",
        unit: Unit::Mebibytes,
        of: |vm| vm.memory_used_mib.or(vm.memory_resident_mib).map(|mib| mib as f64),
    },
    Metric { label: "disk read", unit: Unit::BytesPerSecond, of: |vm| vm.disk_read_bytes_per_second },
    Metric { label: "disk write", unit: Unit::BytesPerSecond, of: |vm| vm.disk_write_bytes_per_second },
    Metric { label: "received", unit: Unit::BytesPerSecond, of: |vm| vm.net_rx_bytes_per_second },
    Metric { label: "sent", unit: Unit::BytesPerSecond, of: |vm| vm.net_tx_bytes_per_second },
    Metric { label: "reads", unit: Unit::PerSecond, of: |vm| vm.disk_read_ops_per_second },
    Metric { label: "writes", unit: Unit::PerSecond, of: |vm| vm.disk_write_ops_per_second },
    Metric { label: "read latency", unit: Unit::Milliseconds, of: |vm| vm.disk_read_latency_ms },
    Metric { label: "write latency", unit: Unit::Milliseconds, of: |vm| vm.disk_write_latency_ms },
];

/// A VM's page.
#[derive(Debug, Default)]
pub struct Page {
    /// The VM.
    pub name: String,
    /// The last sample.
    pub sample: Option<VmSample>,
    /// Whether there is no VM of that name any more.
    pub removed: bool,
    /// The last samples of each of [`METRICS`].
    pub history: [Series; METRICS.len()],
    /// Its addresses, as far as they are known.
    pub ips: Vec<String>,
    /// What is under way.
    pub jobs: Vec<Job>,
    /// How long it had been up, and when that was.
    up: Option<(Duration, Instant)>,
    asked: StatusQuery,
}

/// Whether the VM's status is known.
#[derive(Debug, Default)]
enum StatusQuery {
    #[default]
    Never,
    /// It is being asked for; `true` when the answer is old already.
    Now(bool),
    At(Instant),
}

impl Page {
    /// Of the VM, with nothing known yet.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// What it is doing.
    pub fn state(&self) -> Option<VmState> {
        self.sample.as_ref().map(|sample| sample.state)
    }

    /// Takes over the result of a poll; `None` leaves a gap in the charts.
    pub fn update(&mut self, sample: Option<VmSample>) {
        for (series, metric) in self.history.iter_mut().zip(&METRICS) {
            series.push(sample.as_ref().and_then(metric.of));
        }
        let Some(sample) = sample else { return };
        let same =
            self.sample.as_ref().is_some_and(|old| old.state == sample.state && old.uuid == sample.uuid);
        if !same {
            self.changed();
        }
        if !sample.state.is_active() {
            self.up = None;
            self.ips.clear();
            self.jobs.clear();
        }
        self.removed = false;
        self.sample = Some(sample);
    }

    /// It is not there any more.
    pub fn gone(&mut self) {
        self.update(None);
        *self = Self {
            name: std::mem::take(&mut self.name),
            history: std::mem::take(&mut self.history),
            removed: true,
            ..Self::default()
        };
    }

    /// Its status is another now.
    fn changed(&mut self) {
        self.asked = match self.asked {
            StatusQuery::Now(_) => StatusQuery::Now(true),
            _ => StatusQuery::Never,
        };
    }

    /// Whether its status is to be asked for now; then it counts as asked for.
    pub fn asks(&mut self) -> bool {
        let Some(state) = self.state() else { return false };
        let soon = self.ips.is_empty() && state == VmState::Running;
        let due = match self.asked {
            StatusQuery::Never => true,
            StatusQuery::Now(_) => false,
            StatusQuery::At(at) => at.elapsed() >= if soon { SOON } else { LATER },
        };
        if due {
            self.asked = StatusQuery::Now(false);
        }
        due
    }

    /// Takes its status; `None` when that could not be read.
    pub fn set_status(&mut self, status: Option<&VmStatus>) {
        self.asked = match self.asked {
            StatusQuery::Now(true) => StatusQuery::Never,
            _ => StatusQuery::At(Instant::now()),
        };
        let Some(status) = status else { return };
        self.ips = status.ips.iter().map(ToString::to_string).collect();
        self.up = status.uptime_seconds.map(|seconds| (Duration::from_secs(seconds), Instant::now()));
    }

    /// How long it has been up, in whole seconds.
    pub fn uptime(&self) -> Option<Duration> {
        let (up, at) = self.up?;
        Some(Duration::from_secs((up + at.elapsed()).as_secs()))
    }
}
