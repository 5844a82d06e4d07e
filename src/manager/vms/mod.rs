//! The list of VMs and the page on one.

mod error;
mod list;
mod rows;
mod status;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::operation::noun;
use crate::libvirt::DomainSummary;
use crate::manager::ColdReason;
use crate::model::{Firmware, Label, MountDriver, PortPublish, Timestamp, Uuid, VmState};

pub use error::VmError;
pub(in crate::manager) use list::carries_all;
pub use list::{ListRequest, VmSelection};
pub(in crate::manager) use status::source_of;

noun! {
    /// The list of VMs, and the page on one.
    Vms
}

/// A VM in a list.
#[derive(Debug, Clone)]
pub struct VmSummary {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: VmState,
    /// Its vCPUs.
    pub cpus: u32,
    /// Its memory, in MiB.
    pub memory_mib: u64,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// What only its definition tells; `None` when nobody asked.
    pub details: Option<VmDetails>,
}

/// What a VM's definition tells beyond its counters.
#[derive(Debug, Clone, Default)]
pub struct VmDetails {
    /// Its UUID.
    pub uuid: Uuid,
    /// The base image, as the user called it.
    pub image: Option<String>,
    /// The template it was made from.
    pub template: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether vmtools made it.
    pub managed: bool,
    /// Whether it is protected against being deleted.
    pub protected: bool,
    /// When `gc` may remove it.
    pub ttl_expires: Option<Timestamp>,
    /// The files of its disks.
    pub disks: Vec<String>,
    /// Whether the create or delete that worked on it was killed; `gc` removes what there is of it.
    pub interrupted: bool,
}

/// All there is to know of a VM.
#[derive(Debug, Clone, Serialize)]
pub struct VmStatus {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// What it is doing.
    pub state: VmState,
    /// Its vCPUs.
    pub cpus: u32,
    /// The most of them that it can be given without a new start.
    pub max_cpus: u32,
    /// Its memory, in MiB.
    pub memory_mib: u64,
    /// The most memory that it can be given without a new start, in MiB.
    pub max_memory_mib: u64,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// The base image, as the user called it.
    pub image: Option<String>,
    /// The template it was made from.
    pub template: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether vmtools made it.
    pub managed: bool,
    /// The connection it is on.
    pub uri: String,
    /// Since its QEMU started; `None` when it is shut off, or on another host.
    pub uptime_seconds: Option<u64>,
    /// The CPU time it has used since it started.
    pub cpu_time_seconds: Option<f64>,
    /// The memory that its guest uses, in MiB, when the guest tells.
    pub memory_used_mib: Option<u64>,
    /// Its disks.
    pub disks: Vec<DiskStatus>,
    /// Its network interfaces.
    pub interfaces: Vec<InterfaceStatus>,
    /// The host's directories that its guest can mount.
    pub mounts: Vec<MountStatus>,
    /// What boots it.
    pub firmware: Firmware,
    /// `kvm` or `tcg`.
    pub accel: &'static str,
    /// The socket of its QMP monitor.
    pub qmp: Option<String>,
    /// How to reach it by ssh.
    pub ssh: Option<SshStatus>,
    /// When `gc` may remove it.
    pub ttl_expires: Option<Timestamp>,
    /// Whether it is protected against being deleted.
    pub protected: bool,
    /// Its snapshots' names, each after that which was current when it was made.
    pub snapshots: Vec<String>,
    /// The snapshot with which its present state began.
    pub current_snapshot: Option<String>,
    /// The file of its serial console's output.
    pub serial_log: Option<String>,
    /// The VM that it is a linked clone of.
    pub parent: Option<String>,
    /// Its linked clones, by name: as long as there are any, it isn't started.
    pub children: Vec<String>,
    /// Whether the create or delete that worked on it was killed; `gc` removes what there is of it.
    pub interrupted: bool,
    /// The ports of 127.0.0.1 that lead to the guest.
    pub published: Vec<PortPublish>,
    /// How it was first started: `warm` from a state, `fork` from another VM's memory, else `cold`; `None` for one that
    /// others made.
    pub start: Option<&'static str>,
    /// Why it was booted, where a warm start was asked for.
    pub warm_reason: Option<ColdReason>,
    /// The state that it was started from.
    pub warm_state: Option<String>,
    /// The VM that it is a fork of, by the name that it had then.
    pub forked_from: Option<String>,
}

/// A disk.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DiskStatus {
    /// The device, such as `vda`.
    pub target: String,
    /// The file or block device; `None` for an empty drive, and where its data is elsewhere.
    pub path: Option<String>,
    /// Where its data is, also where that is no file: `POOL/VOLUME`, `PROTOCOL:IMAGE`. `None` for an empty drive.
    pub source: Option<String>,
    /// The image's format.
    pub format: Option<String>,
    /// What the guest sees.
    pub capacity_bytes: Option<u64>,
    /// What it takes on the host.
    pub allocation_bytes: Option<u64>,
    /// The file right below it.
    pub backing: Option<String>,
    /// Whether it goes when the VM is deleted.
    pub owned: bool,
}

/// A network interface.
#[derive(Debug, Clone, Serialize)]
pub struct InterfaceStatus {
    /// Its hardware address.
    pub mac: String,
    /// libvirt's type: `network`, `bridge`, `user`, ...
    pub kind: String,
    /// What it is plugged into.
    pub source: Option<String>,
    /// The port group of the network that it is in, if it names one.
    pub portgroup: Option<String>,
    /// The interface's model.
    pub model: Option<String>,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
}

/// A directory of the host that a guest can mount.
#[derive(Debug, Clone, Serialize)]
pub struct MountStatus {
    /// The directory; `None` where another program serves it.
    pub host: Option<String>,
    /// The name by which the guest mounts it.
    pub tag: String,
    /// Where the guest mounts it; `None` where that was not requested from vmtools.
    pub guest: Option<String>,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// How it gets there, where vmtools knows the way.
    pub driver: Option<MountDriver>,
}

/// How to reach a VM by ssh.
#[derive(Debug, Clone, Serialize)]
pub struct SshStatus {
    /// The user to log in as.
    pub user: String,
    /// The address to connect to, when it is known.
    pub host: Option<IpAddr>,
    /// The port to connect to.
    pub port: u16,
}

impl VmDetails {
    pub(in crate::manager) fn of(domain: &DomainSummary, autostart: bool) -> Self {
        let record = domain.metadata.as_ref();
        Self {
            uuid: domain.uuid,
            image: record.and_then(|record| record.image.clone()),
            template: record.and_then(|record| record.template.clone()),
            labels: record.map(|record| labels(&record.labels)).unwrap_or_default(),
            autostart,
            created: record.and_then(|record| record.created),
            managed: record.is_some(),
            protected: domain.protected,
            ttl_expires: record.and_then(|record| record.expires),
            disks: domain.disks.iter().filter_map(|disk| disk.path.clone()).collect(),
            interrupted: false,
        }
    }
}

fn labels(labels: &[Label]) -> BTreeMap<String, String> {
    labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect()
}

impl Serialize for VmSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            name: &'a str,
            uuid: String,
            state: VmState,
            cpus: u32,
            memory_mib: u64,
            ips: &'a [IpAddr],
            image: Option<&'a str>,
            template: Option<&'a str>,
            labels: &'a BTreeMap<String, String>,
            autostart: bool,
            created: Option<Timestamp>,
            managed: bool,
            protected: bool,
            ttl_expires: Option<Timestamp>,
            interrupted: bool,
        }
        let none = VmDetails::default();
        let details = self.details.as_ref().unwrap_or(&none);
        Flat {
            name: &self.name,
            uuid: self.details.as_ref().map(|details| details.uuid.to_string()).unwrap_or_default(),
            state: self.state,
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            ips: &self.ips,
            image: details.image.as_deref(),
            template: details.template.as_deref(),
            labels: &details.labels,
            autostart: details.autostart,
            created: details.created,
            managed: details.managed,
            protected: details.protected,
            ttl_expires: details.ttl_expires,
            interrupted: details.interrupted,
        }
        .serialize(serializer)
    }
}
