//! The machine as a whole: QEMU itself, vCPUs, memory, statistics (qapi/run-state.json, control.json,
//! misc.json, machine.json, accelerator.json, stats.json).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{commands_with_arguments, plain_commands};

plain_commands! {
    /// Whether the guest runs.
    QueryStatus = "query-status" -> Status;
    /// Which QEMU it is.
    QueryVersion = "query-version" -> QemuVersion;
    /// What the VM is called; libvirt gives the domain's name.
    QueryName = "query-name" -> Name;
    /// The VM's UUID.
    QueryUuid = "query-uuid" -> Uuid;
    /// Whether KVM is in use.
    QueryKvm = "query-kvm" -> Kvm;
    /// The vCPUs and their threads; does not disturb the guest.
    QueryCpusFast = "query-cpus-fast" -> Vec<Cpu>;
    /// The I/O threads.
    QueryIothreads = "query-iothreads" -> Vec<Iothread>;
    /// The memory that the balloon leaves the guest. Refused as `DeviceNotActive` without a balloon.
    QueryBalloon = "query-balloon" -> Balloon;
    /// The memory that the machine has.
    QueryMemorySizeSummary = "query-memory-size-summary" -> MemorySize;
}

commands_with_arguments! {
    QueryStats = "query-stats" -> Vec<serde_json::Value>;
    QueryStatsSchemas = "query-stats-schemas" -> Vec<serde_json::Value>;
}

/// The reply to [`QueryStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Whether the guest runs.
    pub running: bool,
    /// QEMU's word for the state, such as `running`, `paused`, `io-error`, `shutdown`, `postmigrate`
    /// (`RunState`).
    pub status: String,
}

/// The reply to [`QueryVersion`], and what the greeting tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QemuVersion {
    /// The number.
    pub qemu: VersionNumber,
    /// What the packager calls it; may be empty.
    pub package: String,
}

/// A version's number. Compares as such.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VersionNumber {
    /// 10 in 10.0.2.
    pub major: u32,
    /// 0 in 10.0.2.
    pub minor: u32,
    /// 2 in 10.0.2.
    pub micro: u32,
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// The reply to [`QueryName`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Name {
    /// The name, if it was given one.
    #[serde(default)]
    pub name: Option<String>,
}

/// The reply to [`QueryUuid`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Uuid {
    /// The UUID, as hyphenated text; all zeros if it was given none.
    #[serde(rename = "UUID")]
    pub uuid: String,
}

/// The reply to [`QueryKvm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kvm {
    /// It is in use.
    pub enabled: bool,
    /// QEMU was built with it.
    pub present: bool,
}

/// One of [`QueryCpusFast`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cpu {
    /// Its number.
    pub cpu_index: u32,
    /// The host's id of its thread; /proc/PID/task/THREAD/stat tells the time that it used. Under emulation
    /// several may share a thread.
    pub thread_id: i32,
    /// Where it stands in QEMU's tree of objects.
    pub qom_path: String,
}

/// One of [`QueryIothreads`]'.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Iothread {
    /// Its name.
    pub id: String,
    /// The host's id of the thread.
    pub thread_id: i32,
}

/// The reply to [`QueryBalloon`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Balloon {
    /// What the guest has, in bytes.
    pub actual: u64,
}

/// The reply to [`QueryMemorySizeSummary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MemorySize {
    /// What it was started with, in bytes.
    pub base_memory: u64,
    /// What was plugged in since, in bytes; `None` where QEMU can't plug any.
    #[serde(default)]
    pub plugged_memory: Option<u64>,
}

/// Statistics of the VM, as QEMU has them; KVM's counters mostly. What they mean [`QueryStatsSchemas`]
/// tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueryStats {
    /// Of what.
    pub target: StatsTarget,
}

/// What [`QueryStats`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatsTarget {
    /// The VM as a whole.
    Vm,
    /// Each vCPU.
    Vcpu,
}

/// What the counters of [`QueryStats`] mean, by provider and target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueryStatsSchemas {
    /// Only those of this provider, such as `kvm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}
