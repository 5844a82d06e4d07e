use std::path::{Path, PathBuf};

use super::{ChangedDisk, Machine};
use crate::image::{self, Format};
use crate::libvirt::{
    Affects, Disk, DiskSpec, Element, MetadataChange, OwnedVolume, Scope, VolumeSpec, disk_prefix,
};
use crate::manager::{DiskStatus, Error, Event, VmManager, Warning};
use crate::model::{DiskBus, DiskSize, VmName};

/// A disk for a VM.
#[derive(Debug, Clone)]
pub struct NewDisk {
    /// What is on it.
    pub source: DiskSource,
    /// Whether the guest may only read it.
    pub read_only: bool,
}

/// What a new disk holds.
#[derive(Debug, Clone)]
pub enum DiskSource {
    /// Nothing; it is made, and goes with its VM.
    Empty(DiskSize),
    /// A file of the user's, qcow2 or raw, which stays the user's.
    File(PathBuf),
}

impl VmManager {
    /// Gives the VM another disk, at once if it runs and its bus can do that.
    ///
    /// # Errors
    /// [`Error::InUse`] for a file that another VM writes to; [`super::DiskError::TooManyDisks`]; those of the file, and of
    /// libvirt. Then nothing is left of it.
    pub async fn add_disk(&self, name: &str, new: &NewDisk) -> Result<ChangedDisk, Error> {
        let machine = self.machine(name).await?;
        let bus = machine.stored.hardware().disk_bus;
        let target = machine.free_target(disk_prefix(bus))?;
        // QEMU's AHCI takes no disk while the guest runs.
        let affects = if bus == DiskBus::Sata { Affects::Stored } else { machine.affects() };
        let spec = |path: &str, format| DiskSpec { path: path.to_owned(), format, read_only: new.read_only };
        let disk = match &new.source {
            DiskSource::Empty(size) => {
                let volume = self.volume_for(&machine, &target).await?;
                let disk = spec(&volume.path, "qcow2");
                let device = disk.to_element(&target, bus);
                self.add_made(&machine, &volume, *size, &device, affects).await?;
                disk
            }
            DiskSource::File(path) => {
                let format = self.check_disk_file(path, new.read_only).await?;
                let disk = spec(&path.to_string_lossy(), format);
                let device = disk.to_element(&target, bus);
                self.client.attach_device(&machine.uuid, &device, affects).await?;
                disk
            }
        };
        let live = affects == Affects::Both;
        let mut changed = self.changed(&machine, &target, live).await?;
        if changed.disk.path.is_none() {
            changed.disk = DiskStatus {
                target,
                path: Some(disk.path),
                format: Some(disk.format.to_owned()),
                owned: matches!(new.source, DiskSource::Empty(_)) && machine.stored.metadata.is_some(),
                ..DiskStatus::default()
            };
        }
        Ok(changed)
    }

    async fn volume_for(&self, machine: &Machine, target: &str) -> Result<OwnedVolume, Error> {
        let pool = self.storage_pool(true).await?;
        // The name of a VM of others may be one that no file can have.
        let name = machine.name.parse::<VmName>().map_or_else(|_| "vm".to_owned(), |name| name.to_string());
        let volume = format!("{name}-{}-{target}.qcow2", machine.uuid.get(..8).unwrap_or_default());
        Ok(OwnedVolume { path: format!("{}/{volume}", pool.path), pool: pool.name, volume })
    }

    /// The record comes first: what is killed midway leaves a volume that the VM owns, and that goes with it.
    async fn add_made(
        &self,
        machine: &Machine,
        volume: &OwnedVolume,
        size: DiskSize,
        device: &Element,
        affects: Affects,
    ) -> Result<(), Error> {
        let spec = VolumeSpec {
            name: &volume.volume,
            capacity_bytes: size.bytes(),
            format: "qcow2",
            mode: "0600",
            backing: None,
        };
        let active = machine.running.is_some();
        let own = MetadataChange { own: vec![volume.clone()], ..MetadataChange::default() };
        let disown = MetadataChange { disown: vec![volume.path.clone()], ..MetadataChange::default() };
        let managed = machine.stored.metadata.is_some();
        if managed {
            self.client.change_metadata(&machine.stored, &own, active).await?;
        }
        let added = async {
            self.client.make_volume(&volume.pool, &spec).await?;
            self.interrupt.check()?;
            Ok(self.client.attach_device(&machine.uuid, device, affects).await?)
        };
        let result: Result<(), Error> = added.await;
        if result.is_err() {
            let _ = self.client.delete_volume(&volume.pool, &volume.volume).await;
            if managed {
                let _ = self.client.change_metadata(&machine.stored, &disown, active).await;
            }
        }
        result
    }

    /// The format of a file that is to be a disk.
    async fn check_disk_file(&self, path: &Path, read_only: bool) -> Result<&'static str, Error> {
        if !self.uri().is_local() {
            return Err(Error::NotHere { path: path.to_owned(), uri: self.uri().to_string() });
        }
        if !path.is_file() {
            return Err(Error::FileMissing { path: path.to_owned() });
        }
        self.check_reach([path])?;
        let (header, _) = image::read_header(path)?;
        let shown = path.to_string_lossy();
        if !read_only {
            let ids = self.client.domains(Scope::All).await?;
            let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
            for other in self.client.domains_in_full(&uuids).await? {
                let uses = |disk: &Disk| disk.path.iter().chain(&disk.backing).any(|path| *path == shown);
                if other.disks.iter().any(uses) {
                    let needed_by = format!("the VM {}", other.name);
                    return Err(Error::InUse { path: shown.into_owned(), needed_by });
                }
            }
        }
        Ok(match header.format {
            Format::Qcow2 => "qcow2",
            Format::Raw | Format::Iso => "raw",
        })
    }

    /// Warns where a disk may outgrow the room for it.
    pub(super) fn warn_of_room(&self, path: &str, size: DiskSize, taken_bytes: u64) {
        let folder = Path::new(path).parent().filter(|_| self.uri().is_local());
        let Some(free) = folder.and_then(|folder| crate::host::disk_free(folder).ok()) else { return };
        let available = DiskSize::from_bytes(free.saturating_add(taken_bytes));
        if available < size {
            self.report(Event::Warning(Warning::DiskShort { wanted: size, available }));
        }
    }
}
