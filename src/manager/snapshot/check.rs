//! What has to be so before a snapshot is made, and what it will have.

use std::path::Path;
use std::time::Duration;

use super::create::{Quiesce, SnapshotRequest};
use super::images::keeps_snapshots;
use super::{DiskObstacle, MemoryObstacle, SnapshotError, Snapshots, maker_of};
use crate::host;
use crate::libvirt::{DeleteScope, Disk, DiskDevice, DiskSource, Domain, Snapshot, Version};
use crate::manager::create::QCOW2_NVRAM;
use crate::manager::gc::Maker;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, SnapshotLoss, VmError, Warning};
use crate::model::{DiskSize, Firmware, SnapshotName, Timestamp, VmState};

/// How much memory is written in a second while the guest is held: 300 MiB were seen on a shared disk (QEMU 10.0).
const WRITTEN_MIB_PER_SECOND: u64 = 300;
/// For how long a guest is held unless it was asked for.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// Since then libvirt makes internal snapshots of VMs that are shut off and name their firmware's file.
const OFF_WITH_FIRMWARE: Version = Version(9, 3, 0);

/// What a snapshot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The disks of a VM that is shut off.
    Off,
    /// The disks and the memory, which is so large at most.
    Memory { mib: u64 },
    /// The disks of a VM that runs.
    Disks,
}

impl Snapshots<'_> {
    /// The VM is in a state in which it can have a snapshot, and nobody is at work on it.
    ///
    /// # Errors
    /// [`VmError::Saved`]: what libvirt saved goes on with the disks as they were. [`SnapshotError::State`];
    /// [`SnapshotError::JobRunning`].
    pub(super) async fn check_state(&self, vm: &Vm) -> Result<(), Error> {
        vm.refuse_saved()?;
        match vm.state {
            VmState::Running | VmState::Paused => self.refuse_busy(&vm.id, true).await,
            VmState::Shutoff => Ok(()),
            state => Err(SnapshotError::State { vm: vm.id.name.clone(), state }.into()),
        }
    }

    /// The VM's snapshots, after those that killed commands have left are deleted.
    ///
    /// # Errors
    /// [`SnapshotError::External`]; when libvirt can't be asked.
    pub(super) async fn existing(&self, vm: &Vm) -> Result<Vec<Snapshot>, Error> {
        let snapshots = self.op.client().snapshots();
        let mut kept = Vec::new();
        for snapshot in snapshots.list(vm.id.uuid).await? {
            if matches!(maker_of(&snapshot), Maker::Gone) {
                snapshots.delete(vm.id.uuid, &snapshot.name, DeleteScope::All).await?;
            } else {
                kept.push(snapshot);
            }
        }
        let external = kept.iter().filter(|snapshot| snapshot.is_external());
        let external: Vec<String> = external.map(|snapshot| snapshot.name.clone()).collect();
        match external.is_empty() {
            true => Ok(kept),
            false => Err(SnapshotError::External { vm: vm.id.name.clone(), snapshots: external }.into()),
        }
    }

    /// The name that was asked for, or one that is free.
    ///
    /// # Errors
    /// [`SnapshotError::Exists`]; [`SnapshotError::ExistsInDisk`]: QEMU would later take the older one for it.
    pub(super) async fn free_name(
        &self,
        vm: &Vm,
        wanted: Option<&SnapshotName>,
        existing: &[Snapshot],
    ) -> Result<SnapshotName, Error> {
        let tables = match vm.state {
            VmState::Shutoff => self.tables_by_any_means(&vm.stored).await?,
            // QEMU itself refuses one that is there.
            _ => self.tables(vm.current()).await?,
        };
        let is_known = |name: &SnapshotName| existing.iter().any(|snapshot| snapshot.name == name.as_str());
        let in_disk = |name: &SnapshotName| {
            let table = tables.iter().find(|table| table.has(name.as_str()) == Some(true));
            table.map(|table| table.target.clone())
        };
        let Some(name) = wanted else {
            let first = SnapshotName::automatic(Timestamp::now());
            let taken = |name: &SnapshotName| is_known(name) || in_disk(name).is_some();
            let mut more = (2..).map_while(|suffix| first.with_suffix(suffix).ok());
            let free = if taken(&first) { more.find(|name| !taken(name)) } else { None };
            return Ok(free.unwrap_or(first));
        };
        let vm = vm.id.name.clone();
        if is_known(name) {
            return Err(SnapshotError::Exists { vm, name: name.to_string() }.into());
        }
        match in_disk(name) {
            Some(target) => Err(SnapshotError::ExistsInDisk { vm, target, name: name.to_string() }.into()),
            None => Ok(name.clone()),
        }
    }

    /// What the snapshot will have, as it was asked for, or as the VM is.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], [`VmError::Paused`], [`SnapshotError::Memory`], [`SnapshotError::ChangedSinceStart`].
    pub(super) async fn choose_form(&self, vm: &Vm, request: &SnapshotRequest) -> Result<Form, Error> {
        let name = || vm.id.name.clone();
        let Some(running) = &vm.running else {
            return match (request.memory, request.quiesce) {
                (Some(true), _) | (_, Quiesce::Yes) => Err(VmError::NotRunning { name: name() }.into()),
                _ => Ok(Form::Off),
            };
        };
        if request.quiesce == Quiesce::Yes && vm.state == VmState::Paused {
            return Err(VmError::Paused { name: name() }.into());
        }
        if request.memory != Some(false) && request.quiesce != Quiesce::Yes {
            let mib = self.memory_mib(running).await?;
            match self.memory_obstacle(running, mib, request.memory.is_some()) {
                None => return Ok(Form::Memory { mib }),
                Some(reason) if request.memory.is_some() => {
                    return Err(SnapshotError::Memory { vm: name(), reason }.into());
                }
                Some(reason) => {
                    self.op.report(Event::Warning(Warning::MemoryNotSaved { vm: name(), reason }));
                }
            }
        }
        match has_same_disks(running, &vm.stored) {
            true => Ok(Form::Disks),
            false => Err(SnapshotError::ChangedSinceStart { vm: name() }.into()),
        }
    }

    /// How much memory QEMU holds for the guest, in MiB. What the guest never touched is not written.
    async fn memory_mib(&self, running: &Domain) -> Result<u64, Error> {
        let stats = self.op.client().statistics().of(running.uuid).await?;
        Ok(stats.number("balloon.rss").map_or(running.memory_mib, |kib| kib >> 10))
    }

    fn memory_obstacle(&self, running: &Domain, mib: u64, is_asked_for: bool) -> Option<MemoryObstacle> {
        let hold = Duration::from_secs(mib / WRITTEN_MIB_PER_SECOND);
        let is_long = hold > LONGEST_HOLD && !is_asked_for;
        unsaveable(running)
            .or_else(|| is_long.then_some(MemoryObstacle::Hold { hold }))
            .or_else(|| self.memory_space(running, mib))
    }

    /// libvirt has the memory written into the first disk that has a snapshot.
    pub(super) fn memory_space(&self, running: &Domain, mib: u64) -> Option<MemoryObstacle> {
        let path = running.disks.iter().find(|disk| keeps_snapshots(disk))?.path.clone()?;
        let folder = Path::new(&path).parent().filter(|_| self.op.locality().is_here())?;
        let (available, needed) = (host::disk_free(folder).ok()?, (mib << 20) / 10 * 11);
        let space = MemoryObstacle::Space {
            needed: DiskSize::from_bytes(needed),
            available: DiskSize::from_bytes(available),
            path,
        };
        (available < needed).then_some(space)
    }

    /// What is neither in a disk nor in the memory is not in the snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Firmware`]; [`SnapshotError::FirmwareVersion`].
    pub(super) async fn check_firmware(&self, vm: &Vm, form: Form) -> Result<(), Error> {
        let domain = vm.current();
        let is_active = form != Form::Off;
        if domain.firmware != Firmware::Bios && domain.nvram_format() != Some("qcow2") {
            let needed = if is_active { QCOW2_NVRAM } else { OFF_WITH_FIRMWARE };
            let found = self.op.client().versions().await?.daemon;
            // Where libvirt chooses the firmware at each start (9.0) it sees none in one that is shut off.
            let is_seen = vm.stored.tree.find_attribute("os/loader", "type") == Some("pflash");
            if found < needed && (is_active || is_seen) {
                let vm = vm.id.name.clone();
                let works_off = found >= OFF_WITH_FIRMWARE || !is_seen;
                return Err(SnapshotError::FirmwareVersion { vm, is_active, works_off, needed, found }.into());
            }
        }
        let warn = |loss| {
            let vm = vm.id.name.clone();
            self.op.report(Event::Warning(Warning::NotInSnapshot { vm, loss }));
        };
        // An older libvirt leaves the format out, and the file is raw.
        if domain.nvram_source().is_some() && domain.nvram_format() != Some("qcow2") {
            match form {
                Form::Off => warn(SnapshotLoss::Firmware),
                _ => return Err(SnapshotError::Firmware { vm: vm.id.name.clone() }.into()),
            }
        }
        if domain.hardware().tpm && !matches!(form, Form::Memory { .. }) {
            warn(SnapshotLoss::Tpm);
        }
        Ok(())
    }
}

/// Each disk, and whether it is kept.
///
/// # Errors
/// [`SnapshotError::Disks`] when one that the guest writes to can't be; [`SnapshotError::NoDisk`].
pub(super) fn disks_of(domain: &Domain) -> Result<Vec<(String, bool)>, SnapshotError> {
    let mut disks = Vec::new();
    let mut obstacles = Vec::new();
    for disk in &domain.disks {
        let is_kept = keeps_snapshots(disk);
        match obstacle(disk) {
            Some(reason) if !is_kept => obstacles.push((disk.target.clone(), reason)),
            _ => disks.push((disk.target.clone(), is_kept)),
        }
    }
    let vm = || domain.name.clone();
    if !obstacles.is_empty() {
        return Err(SnapshotError::Disks { vm: vm(), disks: obstacles });
    }
    match disks.iter().any(|(_, is_kept)| *is_kept) {
        true => Ok(disks),
        false => Err(SnapshotError::NoDisk { vm: vm() }),
    }
}

/// Why a disk can't be kept; none of one that the guest can't write to, whose content stays what it is.
fn obstacle(disk: &Disk) -> Option<DiskObstacle> {
    let is_written = disk.device != DiskDevice::Cdrom && !disk.read_only && disk.source != DiskSource::Empty;
    if !is_written {
        return None;
    }
    Some(match &disk.source {
        _ if disk.shareable => DiskObstacle::Shared,
        DiskSource::File { .. } | DiskSource::Volume { .. } => {
            DiskObstacle::Format { format: disk.format.clone().unwrap_or_else(|| "raw".to_owned()) }
        }
        other => DiskObstacle::NotAFile { source_name: other.to_string() },
    })
}

/// QEMU can't save what has a part outside of it.
fn unsaveable(running: &Domain) -> Option<MemoryObstacle> {
    let devices = running.tree.find("devices");
    let host_devices = devices.into_iter().flat_map(|devices| devices.all("hostdev"));
    // USB devices and SCSI ones can be missing afterwards; QEMU lets their machine be saved.
    let mut fixed = host_devices.filter(|device| matches!(device.attribute("type"), Some("pci" | "mdev")));
    if !running.folders.is_empty() {
        Some(MemoryObstacle::Mounts)
    } else {
        fixed.next().map(|_| MemoryObstacle::HostDevice)
    }
}

/// Whether two definitions have the same files for the disks that the guest writes to.
fn has_same_disks(running: &Domain, stored: &Domain) -> bool {
    let disks = |domain: &Domain| -> Vec<(String, DiskSource)> {
        let own = domain.disks.iter().filter(|disk| disk.is_own());
        own.map(|disk| (disk.target.clone(), disk.source.clone())).collect()
    };
    disks(running) == disks(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(devices: &str) -> Domain {
        let document = format!("<domain type='kvm'><name>web</name><devices>{devices}</devices></domain>");
        Domain::parse(&document).expect("parses")
    }

    fn disk(target: &str, format: &str, more: &str) -> String {
        format!(
            "<disk type='file'><driver type='{format}'/><source file='/p/{target}'/><target dev='{target}'/>{more}</disk>"
        )
    }

    const CDROM: &str =
        "<disk type='file' device='cdrom'><source file='/iso'/><target dev='sda'/><readonly/></disk>";

    #[test]
    fn what_the_guest_does_not_write_to_is_left_out() {
        let empty = "<disk type='file' device='floppy'><target dev='fda'/></disk>";
        let devices = [&disk("vda", "qcow2", ""), &disk("vdb", "raw", "<readonly/>"), CDROM, empty].concat();
        let kept = |target: &str, kept| (target.to_owned(), kept);
        assert_eq!(
            disks_of(&domain(&devices)).expect("can have one"),
            [kept("vda", true), kept("vdb", false), kept("sda", false), kept("fda", false)]
        );
        assert!(matches!(disks_of(&domain(CDROM)), Err(SnapshotError::NoDisk { .. })));
    }

    #[test]
    fn each_disk_that_cannot_have_one_is_named() {
        let block =
            "<disk type='block'><driver type='qcow2'/><source dev='/dev/v/l'/><target dev='vdb'/></disk>";
        let network = "<disk type='network'><driver type='raw'/><source protocol='rbd' name='p/i'/><target dev='vdc'/></disk>";
        let shared = disk("vdd", "qcow2", "<shareable/>");
        let devices = [&disk("vda", "qcow2", ""), block, network, &shared, &disk("vde", "raw", "")].concat();
        let Err(SnapshotError::Disks { disks, .. }) = disks_of(&domain(&devices)) else {
            panic!("it can have one");
        };
        let words: Vec<String> = disks.iter().map(|(target, why)| format!("{target}: {why}")).collect();
        assert_eq!(
            words,
            [
                "vdb: not a local file: /dev/v/l",
                "vdc: not a local file: rbd:p/i",
                "vdd: shared with other VMs",
                "vde: raw image",
            ]
        );
    }

    #[test]
    fn what_has_a_part_outside_of_qemu_is_not_saved() {
        assert_eq!(unsaveable(&domain("<hostdev type='usb'/>")), None);
        assert_eq!(unsaveable(&domain("<hostdev type='pci'/>")), Some(MemoryObstacle::HostDevice));
        let folder = "<filesystem type='mount'><source dir='/srv'/><target dir='t'/></filesystem>";
        assert_eq!(unsaveable(&domain(folder)), Some(MemoryObstacle::Mounts));
    }

    #[test]
    fn only_disks_that_are_written_to_have_to_be_the_same() {
        let (one, other) = (disk("vda", "qcow2", ""), disk("vdb", "qcow2", ""));
        assert!(has_same_disks(&domain(&one), &domain(&[&one, CDROM].concat())));
        assert!(!has_same_disks(&domain(&one), &domain(&[one.as_str(), &other].concat())));
    }
}
