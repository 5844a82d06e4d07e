//! Polls one VM through its own QMP socket, and by what this host counts of its QEMU. Neither libvirt nor
//! another process is needed for it.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::counters::{Counters, Disk, InterfaceCounters, SampleSource, Transfers};
use super::job::Job;
use crate::host;
use crate::libvirt::Domain;
use crate::model::{Timestamp, VmState};
use crate::qemu::{self, GuestMemory};

/// How long to wait for the greeting: a socket serves one client at a time, and says nothing to a second.
const GREETING: Duration = Duration::from_millis(500);

/// More vCPUs than any machine of QEMU's has: what answers at the socket need not be honest.
const MOST_VCPUS: usize = 4096;

/// Polls a VM by QMP, as long as its QEMU runs.
pub(in crate::manager) struct QmpPoller {
    client: qemu::Connection,
    pid: u32,
    /// The disks' devices, by libvirt's aliases.
    targets: HashMap<String, String>,
    /// Its interfaces' devices, and whether the host counts them from its own side.
    interfaces: Vec<(String, bool)>,
    /// The names of its devices, as they were at the beginning.
    devices: Option<Vec<String>>,
}

impl QmpPoller {
    /// Of a VM that runs, by its live definition; `None` without a socket, when that has another client, and when
    /// this user may not use it.
    pub(in crate::manager) async fn open(domain: &Domain) -> Option<Self> {
        let socket = domain.qmp_socket.as_ref()?;
        let client = qemu::Connection::connect(Path::new(socket), GREETING).await.ok()?;
        let pid = host::qemu_process(domain.uuid)?.pid;
        let disks = domain.disks.iter();
        let targets = disks.filter_map(|disk| Some((disk.alias.clone()?, disk.target.clone()))).collect();
        let interfaces = domain.interfaces.iter().filter_map(|interface| {
            // A tap's other end is the guest; a macvtap device is counted as the guest sees it.
            interface.host_device.clone().map(|device| (device, interface.kind != "direct"))
        });
        Some(Self { client, pid, targets, interfaces: interfaces.collect(), devices: None })
    }

    /// What it has counted; nothing when devices were plugged in or out, so that the definition has to be read anew.
    ///
    /// # Errors
    /// When its QEMU doesn't answer any more.
    pub(in crate::manager) async fn poll(&mut self) -> Result<Option<Counters>, qemu::Error> {
        let asks = (
            qemu::QueryStatus,
            qemu::QueryCpusFast,
            qemu::QueryBlockStats::default(),
            qemu::QueryBalloon,
            qemu::QomGet::guest_stats(),
            qemu::QomList { path: "/machine/peripheral".to_owned() },
        );
        let (status, cpus, blocks, balloon, guest, devices) = self.client.run_all(&asks).await?;
        let status = status?;
        let devices = devices.unwrap_or_default().into_iter().map(|device| device.name).collect();
        if *self.devices.get_or_insert_with(|| Vec::clone(&devices)) != devices {
            return Ok(None);
        }
        let (at, time) = (Instant::now(), Timestamp::now());
        let process = host::process_usage(self.pid);
        let vcpus = cpus.unwrap_or_default();
        // Without a balloon it has all that it was given.
        let bytes = match balloon {
            Ok(balloon) => Some(balloon.actual),
            Err(_) => self.client.run(&qemu::QueryMemorySizeSummary).await.ok().map(|size| size.base_memory),
        };
        Ok(Some(Counters {
            at,
            time,
            cpu: process.map(|process| process.cpu),
            vcpus: self.vcpu_times(&vcpus),
            memory_mib: bytes.map(|bytes| bytes >> 20),
            memory_used_mib: guest.ok().and_then(|guest| used_mib(&guest.stats)),
            memory_resident_mib: process.map(|process| process.resident_bytes >> 20),
            disks: blocks.ok().map(|blocks| self.disks(&blocks)),
            interfaces: self.interfaces(),
            ..Counters::nothing(state(&status.status), SampleSource::Qmp)
        }))
    }

    /// What goes on in the VM that takes its time.
    pub(in crate::manager) async fn jobs(&mut self) -> Vec<Job> {
        let asks = (qemu::QueryBlockJobs, qemu::QueryMigrate);
        let Ok((blocks, migration)) = self.client.run_all(&asks).await else { return Vec::new() };
        let blocks = blocks.unwrap_or_default().into_iter().map(Job::of_block);
        blocks.chain(migration.ok().and_then(Job::of_migration)).collect()
    }

    /// The QMP events since the last call.
    pub(in crate::manager) fn events(&mut self) -> Vec<qemu::Event> {
        self.client.take_events()
    }

    /// By number; under emulation by a single thread QEMU can't tell them apart.
    fn vcpu_times(&self, cpus: &[qemu::Cpu]) -> Vec<Option<Duration>> {
        let numbers = cpus.iter().map(|cpu| cpu.cpu_index as usize).filter(|number| *number < MOST_VCPUS);
        let mut times = vec![None; numbers.max().map_or(0, |last| last + 1)];
        for cpu in cpus {
            let shared = cpus.iter().filter(|other| other.thread_id == cpu.thread_id).count() > 1;
            if let (false, Ok(thread), Some(time)) =
                (shared, u32::try_from(cpu.thread_id), times.get_mut(cpu.cpu_index as usize))
            {
                *time = host::thread_cpu(self.pid, thread);
            }
        }
        times
    }

    fn disks(&self, blocks: &[qemu::BlockStats]) -> Vec<Disk> {
        let known = blocks.iter().filter_map(|block| {
            let stats = &block.stats;
            Some(Disk {
                target: self.targets.get(block.device_id()?)?.clone(),
                read: Transfers {
                    operations: stats.rd_operations,
                    bytes: stats.rd_bytes,
                    nanoseconds: stats.rd_total_time_ns,
                },
                written: Transfers {
                    operations: stats.wr_operations,
                    bytes: stats.wr_bytes,
                    nanoseconds: stats.wr_total_time_ns,
                },
            })
        });
        known.collect()
    }

    fn interfaces(&self) -> Option<Vec<InterfaceCounters>> {
        if self.interfaces.is_empty() {
            return None;
        }
        let traffic = host::device_traffic();
        let interfaces: Vec<InterfaceCounters> = self
            .interfaces
            .iter()
            .filter_map(|(device, from_outside)| {
                let host::DeviceTraffic { received_bytes, sent_bytes } = *traffic.get(device)?;
                let (received_bytes, sent_bytes) =
                    if *from_outside { (sent_bytes, received_bytes) } else { (received_bytes, sent_bytes) };
                Some(InterfaceCounters { device: device.clone(), received_bytes, sent_bytes })
            })
            .collect();
        (!interfaces.is_empty()).then_some(interfaces)
    }
}

/// As `DomainStats::memory_used_mib` has it.
fn used_mib(guest: &GuestMemory) -> Option<u64> {
    Some(guest.total?.saturating_sub(guest.available.or(guest.free)?) >> 20)
}

/// libvirt's state for QEMU's (`qemuMonitorVMStatusToPausedReason` and its neighbours).
fn state(status: &str) -> VmState {
    match status {
        "running" => VmState::Running,
        "shutdown" => VmState::ShuttingDown,
        "suspended" => VmState::Suspended,
        "guest-panicked" => VmState::Crashed,
        _ => VmState::Paused,
    }
}
