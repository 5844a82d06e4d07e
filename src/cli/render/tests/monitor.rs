use std::time::Duration;

use super::{ODD, check, parsed, text};
use crate::cli::render::{SampleColumn, exposition, samples, samples_as_csv};
use crate::manager::{CountedDisk, Counters, InterfaceCounters, Reading, SampleSource, Transfers, VmSample};
use crate::model::{Uuid, VmState};

/// One of which nothing is known.
fn off(name: &str) -> Reading {
    let (state, source) = (VmState::Shutoff, SampleSource::Domstats);
    let sample = VmSample {
        time: parsed("2026-01-31T12:00:00.250Z"),
        name: text(name),
        uuid: Uuid::from_u128(7),
        state,
        source,
        interval_seconds: None,
        cpu_percent: None,
        cpu_percent_of_vcpus: None,
        vcpu_percent: Vec::new(),
        memory_mib: None,
        memory_used_mib: None,
        memory_resident_mib: None,
        disk_read_bytes_per_second: None,
        disk_write_bytes_per_second: None,
        disk_read_ops_per_second: None,
        disk_write_ops_per_second: None,
        disk_read_latency_ms: None,
        disk_write_latency_ms: None,
        net_rx_bytes_per_second: None,
        net_tx_bytes_per_second: None,
    };
    Reading { counters: Counters::nothing(state, source), sample, jobs: Vec::new(), events: Vec::new() }
}

fn busy() -> Reading {
    let mut reading = off("web");
    let now = &mut reading.sample;
    (now.state, now.source, now.interval_seconds) = (VmState::Running, SampleSource::Qmp, Some(1.0));
    (now.cpu_percent, now.cpu_percent_of_vcpus) = (Some(199.95), Some(99.9));
    now.vcpu_percent = vec![Some(100.0), None];
    (now.memory_mib, now.memory_used_mib, now.memory_resident_mib) = (Some(2048), Some(700), Some(900));
    (now.disk_read_bytes_per_second, now.disk_write_bytes_per_second) = (Some(1536.0), Some(3e11));
    (now.disk_read_ops_per_second, now.disk_write_ops_per_second) = (Some(3.0), Some(0.0));
    (now.disk_read_latency_ms, now.disk_write_latency_ms) = (Some(0.25), None);
    (now.net_rx_bytes_per_second, now.net_tx_bytes_per_second) = (Some(0.0), Some(999.0));
    let total = &mut reading.counters;
    (total.cpu, total.vcpus) =
        (Some(Duration::from_millis(90_250)), vec![Some(Duration::from_secs(45)), None]);
    (total.memory_mib, total.memory_used_mib, total.memory_resident_mib) = (Some(2048), Some(700), Some(900));
    let read = Transfers { operations: 10, bytes: 40_960, nanoseconds: 1_500_000_000 };
    total.disks = Some(vec![CountedDisk { target: text("vda"), read, written: Transfers::default() }]);
    total.interfaces =
        Some(vec![InterfaceCounters { device: text("vnet0"), received_bytes: 1, sent_bytes: 2 }]);
    reading
}

#[test]
fn tables() {
    let readings = || vec![off(ODD), busy(), off("a \"b\", c")];
    check(
        "monitor",
        &[
            ("monitor --once", samples(readings(), SampleColumn::Cpu)),
            ("monitor --once --sort name", samples(readings(), SampleColumn::Name)),
            ("monitor --once: none", samples(Vec::new(), SampleColumn::Cpu)),
            // Data, in which a name stays as it is; no terminal should act on the snapshot.
            ("monitor --csv", samples_as_csv(&readings(), true).replace('\u{1b}', "<ESC>")),
            ("monitor --csv: later", samples_as_csv(&[busy()], false)),
        ],
    );
}

#[test]
fn metrics() {
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let exposed = |readings: &[Reading], up, stale| {
        exposition(readings, up, stale).replace(&version, "version=\"1.2.3\"")
    };
    let odd = off("a\\b\"c\nd");
    check(
        "prometheus",
        &[
            ("monitor --prometheus", exposed(&[busy(), odd], true, false)),
            ("none", exposed(&[], false, true)),
        ],
    );
}
