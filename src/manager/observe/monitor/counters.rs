use std::time::{Duration, Instant};

use serde::Serialize;

use crate::model::{Timestamp, VmState};

/// Where a VM's counters were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleSource {
    /// QEMU itself, by vmtools' own monitor socket.
    Qmp,
    /// libvirt, by `domstats`.
    Domstats,
}

/// What has been counted of a VM by one moment, since its QEMU started.
#[derive(Debug, Clone)]
pub struct Counters {
    /// When that was, on the clock that never goes back.
    pub at: Instant,
    /// When that was.
    pub time: Timestamp,
    /// What the VM was doing.
    pub state: VmState,
    /// Where the values were read from.
    pub source: SampleSource,
    /// The CPU time of its QEMU, all threads.
    pub cpu: Option<Duration>,
    /// The CPU time of each vCPU, by number.
    pub vcpus: Vec<Option<Duration>>,
    /// The memory that it has, in MiB.
    pub memory_mib: Option<u64>,
    /// The memory that its guest uses, in MiB, as its balloon driver tells.
    pub memory_used_mib: Option<u64>,
    /// The memory of the host that its QEMU holds, in MiB.
    pub memory_resident_mib: Option<u64>,
    /// Its disks; `None` where they can't be counted.
    pub disks: Option<Vec<Disk>>,
    /// Its network interfaces, except those that have no counters, such as user-mode networking.
    pub interfaces: Option<Vec<InterfaceCounters>>,
}

/// What has passed a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    /// The device, such as `vda`.
    pub target: String,
    /// What was read.
    pub read: Transfers,
    /// What was written.
    pub written: Transfers,
}

/// One direction of a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Requests.
    pub operations: u64,
    /// Bytes.
    pub bytes: u64,
    /// How long all requests took together, in nanoseconds.
    pub nanoseconds: u64,
}

/// The bytes that passed a network interface, from the guest's point of view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// The host's device, such as `vnet0`.
    pub device: String,
    /// Bytes that the guest received.
    pub received_bytes: u64,
    /// Bytes that the guest sent.
    pub sent_bytes: u64,
}

impl Counters {
    /// Of a moment when there was nothing to count, as of a VM that is shut off.
    pub fn nothing(state: VmState, source: SampleSource) -> Self {
        Self {
            at: Instant::now(),
            time: Timestamp::now(),
            state,
            source,
            cpu: None,
            vcpus: Vec::new(),
            memory_mib: None,
            memory_used_mib: None,
            memory_resident_mib: None,
            disks: None,
            interfaces: None,
        }
    }

    /// Whether the counters go on from earlier ones: the same teller, and nothing went back, as everything does
    /// when the VM is started anew.
    pub(in crate::manager) fn follow(&self, before: &Self) -> bool {
        let forward =
            |now: Option<Duration>, old: Option<Duration>| now.zip(old).is_none_or(|(now, old)| now >= old);
        let vcpus = || self.vcpus.iter().zip(&before.vcpus).all(|(now, old)| forward(*now, *old));
        let disks = || {
            pairs(&self.disks, &before.disks, |disk| &disk.target).all(|(now, old)| {
                old.is_none_or(|old| now.read.follow(old.read) && now.written.follow(old.written))
            })
        };
        let interfaces = || {
            pairs(&self.interfaces, &before.interfaces, |interface| &interface.device).all(|(now, old)| {
                old.is_none_or(|old| {
                    now.received_bytes >= old.received_bytes && now.sent_bytes >= old.sent_bytes
                })
            })
        };
        let same = self.source == before.source && before.state.is_active();
        same && forward(self.cpu, before.cpu) && vcpus() && disks() && interfaces()
    }
}

impl Transfers {
    fn follow(self, before: Self) -> bool {
        self.operations >= before.operations
            && self.bytes >= before.bytes
            && self.nanoseconds >= before.nanoseconds
    }
}

/// Each of the devices with what it was before, by name; one that is new had nothing.
pub(in crate::manager) fn pairs<'a, T>(
    now: &'a Option<Vec<T>>,
    before: &'a Option<Vec<T>>,
    name: impl Fn(&T) -> &str + 'a,
) -> impl Iterator<Item = (&'a T, Option<&'a T>)> {
    now.iter().flatten().map(move |device| {
        let old = before.iter().flatten().find(|old| name(old) == name(device));
        (device, old)
    })
}
