//! What VMs have counted, in Prometheus' text exposition format 0.0.4. Names, units and suffixes are by its
//! conventions (prometheus.io/docs/practices/naming): base units, counters end in `_total`.

use std::fmt::Write;
use std::time::Duration;

use crate::manager::{CountedDisk, Counters, InterfaceCounters, Reading, VmSample};
use crate::model::VmState;

/// A family of samples: what it means, and how a VM's are written.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    write: fn(&mut Lines<'_>, &Reading),
}

/// Writes one family's samples.
struct Lines<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Lines<'_> {
    /// A sample with the VM's name and more labels; nothing for a value that isn't known.
    fn put(&mut self, vm: &VmSample, labels: &[(&str, &str)], value: Option<impl std::fmt::Display>) {
        let Some(value) = value else { return };
        let _ = write!(self.text, "{}{{vm=\"{}\"", self.name, escaped(&vm.name));
        for (label, text) in labels {
            let _ = write!(self.text, ",{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn disks(&mut self, reading: &Reading, value: impl Fn(&CountedDisk) -> f64) {
        for disk in reading.counters.disks.iter().flatten() {
            self.put(&reading.sample, &[("device", &disk.target)], Some(value(disk)));
        }
    }

    fn interfaces(&mut self, reading: &Reading, value: impl Fn(&InterfaceCounters) -> u64) {
        for interface in reading.counters.interfaces.iter().flatten() {
            self.put(&reading.sample, &[("device", &interface.device)], Some(value(interface)));
        }
    }
}

const STATES: [VmState; 7] = [
    VmState::Running,
    VmState::Paused,
    VmState::Shutoff,
    VmState::Crashed,
    VmState::Suspended,
    VmState::ShuttingDown,
    VmState::Unknown,
];

const FAMILIES: [Family; 17] = [
    Family {
        name: "vmtools_vm_info",
        kind: "gauge",
        help: "Information about the VM; always 1.",
        write: |lines, reading| {
            lines.put(&reading.sample, &[("uuid", &reading.sample.uuid.to_string())], Some(1))
        },
    },
    Family {
        name: "vmtools_vm_state",
        kind: "gauge",
        help: "Whether the VM is in the state.",
        write: |lines, reading| {
            for state in STATES {
                let is_current = u8::from(reading.sample.state == state);
                lines.put(&reading.sample, &[("state", state.name())], Some(is_current));
            }
        },
    },
    Family {
        name: "vmtools_vm_vcpus",
        kind: "gauge",
        help: "Number of vCPUs of the VM.",
        write: |lines, reading| {
            let vcpus = &reading.counters.vcpus;
            lines.put(&reading.sample, &[], (!vcpus.is_empty()).then_some(vcpus.iter().flatten().count()));
        },
    },
    Family {
        name: "vmtools_vm_cpu_seconds_total",
        kind: "counter",
        help: "Host CPU time used by the QEMU process of the VM.",
        write: |lines, reading| lines.put(&reading.sample, &[], reading.counters.cpu.map(seconds)),
    },
    Family {
        name: "vmtools_vm_vcpu_seconds_total",
        kind: "counter",
        help: "Host CPU time used by the vCPU.",
        write: |lines, reading| {
            for (number, time) in reading.counters.vcpus.iter().enumerate() {
                lines.put(&reading.sample, &[("vcpu", &number.to_string())], time.map(seconds));
            }
        },
    },
    Family {
        name: "vmtools_vm_memory_bytes",
        kind: "gauge",
        help: "Memory size of the VM.",
        write: |lines, reading| lines.put(&reading.sample, &[], bytes(reading, |now| now.memory_mib)),
    },
    Family {
        name: "vmtools_vm_memory_used_bytes",
        kind: "gauge",
        help: "Memory used by the guest, without the file cache, as reported by its balloon driver.",
        write: |lines, reading| lines.put(&reading.sample, &[], bytes(reading, |now| now.memory_used_mib)),
    },
    Family {
        name: "vmtools_vm_memory_resident_bytes",
        kind: "gauge",
        help: "Resident memory of the QEMU process of the VM.",
        write: |lines, reading| {
            lines.put(&reading.sample, &[], bytes(reading, |now| now.memory_resident_mib))
        },
    },
    Family {
        name: "vmtools_vm_disk_read_bytes_total",
        kind: "counter",
        help: "Bytes read from the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.read.bytes as f64),
    },
    Family {
        name: "vmtools_vm_disk_written_bytes_total",
        kind: "counter",
        help: "Bytes written to the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.written.bytes as f64),
    },
    Family {
        name: "vmtools_vm_disk_reads_completed_total",
        kind: "counter",
        help: "Reads from the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.read.operations as f64),
    },
    Family {
        name: "vmtools_vm_disk_writes_completed_total",
        kind: "counter",
        help: "Writes to the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.written.operations as f64),
    },
    Family {
        name: "vmtools_vm_disk_read_time_seconds_total",
        kind: "counter",
        help: "Total time of the reads from the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.read.nanoseconds as f64 / 1e9),
    },
    Family {
        name: "vmtools_vm_disk_write_time_seconds_total",
        kind: "counter",
        help: "Total time of the writes to the disk.",
        write: |lines, reading| lines.disks(reading, |disk| disk.written.nanoseconds as f64 / 1e9),
    },
    Family {
        name: "vmtools_vm_network_receive_bytes_total",
        kind: "counter",
        help: "Bytes received by the network interface.",
        write: |lines, reading| lines.interfaces(reading, |interface| interface.received_bytes),
    },
    Family {
        name: "vmtools_vm_network_transmit_bytes_total",
        kind: "counter",
        help: "Bytes sent by the network interface.",
        write: |lines, reading| lines.interfaces(reading, |interface| interface.sent_bytes),
    },
    Family {
        name: "vmtools_vm_sample_timestamp_seconds",
        kind: "gauge",
        help: "Unix time of the sample.",
        write: |lines, reading| {
            let since = reading.sample.time.since_epoch();
            lines.put(&reading.sample, &[], Some(format!("{:.3}", since.as_secs_f64())));
        },
    },
];

/// The whole document. `up` is whether libvirt answers; `stale`, whether the samples are those of an earlier poll.
pub fn exposition(readings: &[Reading], up: bool, stale: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# HELP vmtools_build_info Version of vmtools; always 1.");
    let _ = writeln!(text, "# TYPE vmtools_build_info gauge");
    let _ = writeln!(text, "vmtools_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "# HELP vmtools_libvirt_up Whether libvirt answers.");
    let _ = writeln!(text, "# TYPE vmtools_libvirt_up gauge");
    let _ = writeln!(text, "vmtools_libvirt_up {}", u8::from(up));
    let _ = writeln!(
        text,
        "# HELP vmtools_sample_stale Whether the samples are old because there was no answer in time."
    );
    let _ = writeln!(text, "# TYPE vmtools_sample_stale gauge");
    let _ = writeln!(text, "vmtools_sample_stale {}", u8::from(stale));
    for Family { name, kind, help, write } in &FAMILIES {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for reading in readings {
            write(&mut Lines { text: &mut text, name }, reading);
        }
    }
    text
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn bytes(reading: &Reading, mib: fn(&Counters) -> Option<u64>) -> Option<u64> {
    mib(&reading.counters).map(|mib| mib << 20)
}

/// A label's value: backslash, quote and line break are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
