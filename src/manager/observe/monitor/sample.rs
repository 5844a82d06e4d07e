use serde::Serialize;

use super::counters::{Counters, Disk, InterfaceCounters, SampleSource, Transfers, pairs};
use crate::model::{Timestamp, Uuid, VmState};

/// What a VM used between two polls. What the host can't know is `None`; so is every rate of a VM that
/// is shut off, or that was started between the two polls.
#[derive(Debug, Clone, Serialize)]
pub struct VmSample {
    /// When the second poll was, with milliseconds.
    #[serde(serialize_with = "Timestamp::serialize_millis")]
    pub time: Timestamp,
    /// The VM's name.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// What it was doing.
    pub state: VmState,
    /// Where the values were read from.
    pub source: SampleSource,
    /// The time between the two polls.
    pub interval_seconds: Option<f64>,
    /// The CPU time of its QEMU, in percent of one of the host's CPUs: 200 is two of them.
    pub cpu_percent: Option<f64>,
    /// That of its vCPUs, in percent of all of them: 100 is all that it can have.
    pub cpu_percent_of_vcpus: Option<f64>,
    /// That of each vCPU, in percent of one of the host's.
    pub vcpu_percent: Vec<Option<f64>>,
    /// The memory that it has.
    pub memory_mib: Option<u64>,
    /// The memory that its guest uses.
    pub memory_used_mib: Option<u64>,
    /// The memory of the host that its QEMU holds.
    pub memory_resident_mib: Option<u64>,
    /// What it reads from its disks.
    pub disk_read_bytes_per_second: Option<f64>,
    /// What it writes to its disks.
    pub disk_write_bytes_per_second: Option<f64>,
    /// How often it reads from its disks.
    pub disk_read_ops_per_second: Option<f64>,
    /// How often it writes to its disks.
    pub disk_write_ops_per_second: Option<f64>,
    /// How long a read took on average; `None` when there was none.
    pub disk_read_latency_ms: Option<f64>,
    /// How long a write took on average; `None` when there was none.
    pub disk_write_latency_ms: Option<f64>,
    /// What it receives.
    pub net_rx_bytes_per_second: Option<f64>,
    /// What it sends.
    pub net_tx_bytes_per_second: Option<f64>,
}

impl VmSample {
    /// The difference between two polls; without an earlier one that the later continues, only what is
    /// so at one moment.
    pub(in crate::manager) fn between(
        name: &str,
        uuid: Uuid,
        before: Option<&Counters>,
        now: &Counters,
    ) -> Self {
        let before = before.filter(|before| now.follow(before));
        let span = before.map(|before| now.at.duration_since(before.at).as_secs_f64());
        let span = span.filter(|seconds| *seconds > 0.0);
        let pair = before.zip(span);
        let percent = |now: Option<std::time::Duration>, old: Option<std::time::Duration>| {
            let (now, old) = now.zip(old)?;
            Some(rounded((now - old).as_secs_f64() / span? * 100.0))
        };
        let of_vcpu = |(number, now): (usize, &Option<std::time::Duration>)| {
            let old = before.and_then(|before| *before.vcpus.get(number)?);
            percent(*now, old)
        };
        let vcpu_percent: Vec<_> = now.vcpus.iter().enumerate().map(of_vcpu).collect();
        let (read, written) = (disks(pair, now, |disk| disk.read), disks(pair, now, |disk| disk.written));
        Self {
            time: now.time,
            name: name.to_owned(),
            uuid,
            state: now.state,
            source: now.source,
            interval_seconds: span.map(|seconds| (seconds * 1000.0).round() / 1000.0),
            cpu_percent: percent(now.cpu, before.and_then(|before| before.cpu)),
            cpu_percent_of_vcpus: mean(&vcpu_percent),
            vcpu_percent,
            memory_mib: now.memory_mib,
            memory_used_mib: now.memory_used_mib,
            memory_resident_mib: now.memory_resident_mib,
            disk_read_bytes_per_second: read.map(|flow| flow.bytes),
            disk_write_bytes_per_second: written.map(|flow| flow.bytes),
            disk_read_ops_per_second: read.map(|flow| flow.operations),
            disk_write_ops_per_second: written.map(|flow| flow.operations),
            disk_read_latency_ms: read.and_then(|flow| flow.latency_ms),
            disk_write_latency_ms: written.and_then(|flow| flow.latency_ms),
            net_rx_bytes_per_second: interfaces(pair, now, |interface| interface.received_bytes),
            net_tx_bytes_per_second: interfaces(pair, now, |interface| interface.sent_bytes),
        }
    }
}

/// One direction of all disks, between two polls.
#[derive(Clone, Copy)]
struct TransferRates {
    bytes: f64,
    operations: f64,
    latency_ms: Option<f64>,
}

fn disks(
    before: Option<(&Counters, f64)>,
    now: &Counters,
    direction: impl Fn(&Disk) -> Transfers,
) -> Option<TransferRates> {
    let (before, seconds) = before?;
    before.disks.as_ref()?;
    now.disks.as_ref()?;
    let mut sum = Transfers::default();
    for (disk, old) in pairs(&now.disks, &before.disks, |disk| &disk.target) {
        let (disk, old) = (direction(disk), old.map(&direction).unwrap_or_default());
        sum.operations += disk.operations.saturating_sub(old.operations);
        sum.bytes += disk.bytes.saturating_sub(old.bytes);
        sum.nanoseconds += disk.nanoseconds.saturating_sub(old.nanoseconds);
    }
    let latency = (sum.operations > 0).then(|| sum.nanoseconds as f64 / sum.operations as f64 / 1e6);
    Some(TransferRates {
        bytes: rounded(sum.bytes as f64 / seconds),
        operations: rounded(sum.operations as f64 / seconds),
        latency_ms: latency.map(|ms| (ms * 1000.0).round() / 1000.0),
    })
}

fn interfaces(
    before: Option<(&Counters, f64)>,
    now: &Counters,
    bytes: impl Fn(&InterfaceCounters) -> u64,
) -> Option<f64> {
    let (before, seconds) = before?;
    before.interfaces.as_ref()?;
    now.interfaces.as_ref()?;
    let passed = pairs(&now.interfaces, &before.interfaces, |interface| &interface.device)
        .map(|(interface, old)| bytes(interface).saturating_sub(old.map(&bytes).unwrap_or_default()));
    Some(rounded(passed.sum::<u64>() as f64 / seconds))
}

/// The mean of those that are known, if any is.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| rounded(known.iter().sum::<f64>() / known.len() as f64))
}

/// To a tenth: more would be noise.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Counters after some seconds, with all of them at this many units.
    fn counters(began: Instant, seconds: f64, units: u64) -> Counters {
        let transfers = Transfers { operations: units, bytes: units * 1024, nanoseconds: units * 2_000_000 };
        Counters {
            at: began + Duration::from_secs_f64(seconds),
            cpu: Some(Duration::from_millis(units)),
            vcpus: vec![Some(Duration::from_millis(units)), None],
            memory_mib: Some(256),
            disks: Some(vec![Disk { target: "vda".into(), read: transfers, written: transfers }]),
            interfaces: Some(vec![InterfaceCounters {
                device: "vnet0".into(),
                received_bytes: units,
                sent_bytes: 2 * units,
            }]),
            ..Counters::nothing(VmState::Running, SampleSource::Domstats)
        }
    }

    fn between(before: Option<&Counters>, now: &Counters) -> VmSample {
        VmSample::between("web", Uuid::nil(), before, now)
    }

    #[test]
    fn rates_are_by_the_time_that_passed() {
        let began = Instant::now();
        let sample = between(Some(&counters(began, 0.0, 1000)), &counters(began, 2.5, 3500));
        assert_eq!(sample.interval_seconds, Some(2.5));
        assert_eq!((sample.cpu_percent, sample.cpu_percent_of_vcpus), (Some(100.0), Some(100.0)));
        assert_eq!(sample.vcpu_percent, [Some(100.0), None]);
        assert_eq!(sample.disk_read_bytes_per_second, Some(1024.0 * 1000.0));
        assert_eq!(sample.disk_write_ops_per_second, Some(1000.0));
        assert_eq!(sample.disk_write_latency_ms, Some(2.0));
        assert_eq!(
            (sample.net_rx_bytes_per_second, sample.net_tx_bytes_per_second),
            (Some(1000.0), Some(2000.0))
        );
    }

    #[test]
    fn a_first_look_gives_no_rates() {
        let sample = between(None, &counters(Instant::now(), 0.0, 7));
        assert_eq!((sample.cpu_percent, sample.interval_seconds, sample.memory_mib), (None, None, Some(256)));
        assert_eq!(sample.disk_read_bytes_per_second, None);
        assert_eq!(sample.vcpu_percent, [None, None]);
    }

    #[test]
    fn counters_that_began_anew_give_no_rates() {
        let began = Instant::now();
        let old = counters(began, 0.0, 1000);
        // Each alone tells: by chance the others may have come further than before.
        let mut anew: [Counters; 4] = std::array::from_fn(|_| counters(began, 1.0, 2000));
        anew[0].cpu = Some(Duration::from_millis(999));
        anew[1].vcpus[0] = Some(Duration::from_millis(999));
        for disk in anew[2].disks.iter_mut().flatten() {
            disk.written.operations = 1;
        }
        for interface in anew[3].interfaces.iter_mut().flatten() {
            interface.sent_bytes = 1;
        }
        for now in &anew {
            let sample = between(Some(&old), now);
            assert_eq!((sample.cpu_percent, sample.net_rx_bytes_per_second), (None, None));
            assert_eq!(sample.disk_write_latency_ms, None);
        }
        let off = Counters { state: VmState::Shutoff, ..counters(began, 0.0, 0) };
        assert_eq!(between(Some(&off), &counters(began, 1.0, 5)).cpu_percent, None);
        let other = Counters { source: SampleSource::Qmp, ..counters(began, 1.0, 2000) };
        assert_eq!(between(Some(&old), &other).cpu_percent, None);
    }

    #[test]
    fn a_device_that_came_counts_from_nothing_and_one_that_went_does_not_count() {
        let began = Instant::now();
        let (old, mut now) = (counters(began, 0.0, 1000), counters(began, 1.0, 1000));
        let read = Transfers { operations: 4, bytes: 4096, nanoseconds: 0 };
        let came = Disk { target: "vdb".into(), read, written: Transfers::default() };
        now.disks = Some(vec![came]);
        let sample = between(Some(&old), &now);
        assert_eq!(sample.disk_read_bytes_per_second, Some(4096.0));
        assert_eq!((sample.disk_write_ops_per_second, sample.disk_write_latency_ms), (Some(0.0), None));
    }
}
