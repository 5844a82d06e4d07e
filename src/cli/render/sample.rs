use std::cmp::Ordering;

use clap::ValueEnum;

use super::{or_dash, table::table};
use crate::manager::{Reading, SampleSource, VmSample};
use crate::model::MemorySize;

/// A column of `monitor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum SampleColumn {
    /// Name of the VM
    Name,
    /// State
    State,
    /// CPU usage, in percent of one host CPU
    Cpu,
    /// CPU usage, in percent of all vCPUs
    Vcpus,
    /// Memory size
    Memory,
    /// Memory used by the guest
    Used,
    /// Disk reads per second
    Read,
    /// Disk writes per second
    Write,
    /// Network traffic received per second
    Rx,
    /// Network traffic sent per second
    Tx,
}

impl SampleColumn {
    /// What stands above it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::State => "STATE",
            Self::Cpu => "CPU%",
            Self::Vcpus => "VCPUS%",
            Self::Memory => "MEMORY",
            Self::Used => "USED",
            Self::Read => "READ/S",
            Self::Write => "WRITE/S",
            Self::Rx => "RX/S",
            Self::Tx => "TX/S",
        }
    }

    /// The key that sorts by it, on the screen.
    pub fn key(self) -> char {
        match self {
            Self::Name => 'n',
            Self::State => 's',
            Self::Cpu => 'c',
            Self::Vcpus => 'v',
            Self::Memory => 'm',
            Self::Used => 'u',
            Self::Read => 'r',
            Self::Write => 'w',
            Self::Rx => 'x',
            Self::Tx => 't',
        }
    }

    /// A VM's cell.
    pub fn cell(self, vm: &VmSample) -> String {
        match self {
            Self::Name => vm.name.clone(),
            Self::State => vm.state.to_string(),
            Self::Memory => or_dash(vm.memory_mib.map(memory)),
            Self::Used => or_dash(vm.memory_used_mib.map(memory)),
            Self::Cpu | Self::Vcpus => or_dash(self.number(vm).map(|percent| format!("{percent:.1}"))),
            Self::Read | Self::Write | Self::Rx | Self::Tx => or_dash(self.number(vm).map(bytes)),
        }
    }

    /// The order of two VMs: names ascending, numbers descending, what isn't known last.
    pub fn order(self, a: &VmSample, b: &VmSample) -> Ordering {
        let by_name = || a.name.cmp(&b.name);
        match self {
            Self::Name => by_name(),
            Self::State => a.state.name().cmp(b.state.name()).then_with(by_name),
            _ => {
                let key = |vm| self.number(vm).unwrap_or(-1.0);
                key(b).total_cmp(&key(a)).then_with(by_name)
            }
        }
    }

    /// Whether there is something to sort the VM by.
    pub fn is_known(self, vm: &VmSample) -> bool {
        matches!(self, Self::Name | Self::State) || self.number(vm).is_some()
    }

    fn number(self, vm: &VmSample) -> Option<f64> {
        match self {
            Self::Name | Self::State => None,
            Self::Cpu => vm.cpu_percent,
            Self::Vcpus => vm.cpu_percent_of_vcpus,
            Self::Memory => vm.memory_mib.map(|mib| mib as f64),
            Self::Used => vm.memory_used_mib.map(|mib| mib as f64),
            Self::Read => vm.disk_read_bytes_per_second,
            Self::Write => vm.disk_write_bytes_per_second,
            Self::Rx => vm.net_rx_bytes_per_second,
            Self::Tx => vm.net_tx_bytes_per_second,
        }
    }
}

/// The table of `monitor`, sorted.
pub fn samples(mut readings: Vec<Reading>, sort: SampleColumn) -> String {
    readings.sort_by(|a, b| sort.order(&a.sample, &b.sample));
    let columns = SampleColumn::value_variants();
    let heading = columns.iter().map(|column| column.heading().to_owned()).collect();
    let row = |reading: &Reading| columns.iter().map(|column| column.cell(&reading.sample)).collect();
    table(heading, readings.iter().map(row).collect())
}

/// A number of bytes in few characters: `0`, `512`, `1.5K`, `20M`.
pub fn bytes(number: f64) -> String {
    let mut rest = number;
    for unit in ["", "K", "M", "G"] {
        if rest < 1000.0 {
            let whole = unit.is_empty() || rest >= 100.0;
            return if whole { format!("{rest:.0}{unit}") } else { format!("{rest:.1}{unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1}T")
}

fn memory(mib: u64) -> String {
    MemorySize::from_mib(mib).to_string()
}

/// A column's name, and its cell of a sample.
type CsvColumn = (&'static str, fn(&VmSample) -> String);

/// The fields of a sample in JSON, in their order.
const CSV: [CsvColumn; 20] = [
    ("time", |vm| vm.time.to_millis()),
    ("name", |vm| vm.name.clone()),
    ("uuid", |vm| vm.uuid.to_string()),
    ("state", |vm| vm.state.to_string()),
    ("source", |vm| match vm.source {
        SampleSource::Qmp => "qmp".to_owned(),
        SampleSource::Domstats => "domstats".to_owned(),
    }),
    ("interval_seconds", |vm| or_empty(vm.interval_seconds)),
    ("cpu_percent", |vm| or_empty(vm.cpu_percent)),
    ("cpu_percent_of_vcpus", |vm| or_empty(vm.cpu_percent_of_vcpus)),
    ("vcpu_percent", |vm| vm.vcpu_percent.iter().map(|one| or_empty(*one)).collect::<Vec<_>>().join(" ")),
    ("memory_mib", |vm| or_empty(vm.memory_mib)),
    ("memory_used_mib", |vm| or_empty(vm.memory_used_mib)),
    ("memory_resident_mib", |vm| or_empty(vm.memory_resident_mib)),
    ("disk_read_bytes_per_second", |vm| or_empty(vm.disk_read_bytes_per_second)),
    ("disk_write_bytes_per_second", |vm| or_empty(vm.disk_write_bytes_per_second)),
    ("disk_read_ops_per_second", |vm| or_empty(vm.disk_read_ops_per_second)),
    ("disk_write_ops_per_second", |vm| or_empty(vm.disk_write_ops_per_second)),
    ("disk_read_latency_ms", |vm| or_empty(vm.disk_read_latency_ms)),
    ("disk_write_latency_ms", |vm| or_empty(vm.disk_write_latency_ms)),
    ("net_rx_bytes_per_second", |vm| or_empty(vm.net_rx_bytes_per_second)),
    ("net_tx_bytes_per_second", |vm| or_empty(vm.net_tx_bytes_per_second)),
];

/// Samples as comma-separated values (RFC 4180, but lines end as lines do here), below their names if wanted.
/// What isn't known is empty; the numbers of several vCPUs stand in one field.
pub fn samples_as_csv(readings: &[Reading], heading: bool) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory takes whatever is written.
    if heading {
        let _ = writer.write_record(CSV.map(|(name, _)| name));
    }
    for reading in readings {
        let _ = writer.write_record(CSV.map(|(_, cell)| cell(&reading.sample)));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, Uuid, VmState};

    fn sample(name: &str) -> VmSample {
        VmSample {
            time: Timestamp::from(std::time::SystemTime::UNIX_EPOCH),
            name: name.to_owned(),
            uuid: Uuid::nil(),
            state: VmState::Running,
            source: SampleSource::Qmp,
            interval_seconds: Some(1.0),
            cpu_percent: Some(99.9),
            cpu_percent_of_vcpus: Some(50.0),
            vcpu_percent: vec![Some(100.0), None],
            memory_mib: Some(256),
            memory_used_mib: None,
            memory_resident_mib: Some(100),
            disk_read_bytes_per_second: Some(1536.0),
            disk_write_bytes_per_second: Some(0.0),
            disk_read_ops_per_second: Some(3.0),
            disk_write_ops_per_second: Some(0.0),
            disk_read_latency_ms: Some(0.25),
            disk_write_latency_ms: None,
            net_rx_bytes_per_second: None,
            net_tx_bytes_per_second: None,
        }
    }

    #[test]
    fn csv_has_the_names_of_json() {
        let json = serde_json::to_value(sample("web")).expect("JSON");
        let mut names: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut columns = CSV.map(|(name, _)| name);
        names.sort_unstable();
        columns.sort_unstable();
        assert_eq!(names, columns);
    }

    #[test]
    fn bytes_take_few_characters() {
        let cases = [(0.0, "0"), (999.0, "999"), (1000.0, "1.0K"), (1536.0, "1.5K"), (1_048_576.0, "1.0M")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
        assert_eq!([bytes(3e11), bytes(5e15)], ["279G", "4547.5T"]);
    }

    #[test]
    fn what_is_not_known_comes_last() {
        let (busy, unknown) = (sample("b"), VmSample { cpu_percent: None, ..sample("a") });
        assert_eq!(SampleColumn::Cpu.order(&busy, &unknown), Ordering::Less);
        assert_eq!(SampleColumn::Name.order(&busy, &unknown), Ordering::Greater);
    }
}
