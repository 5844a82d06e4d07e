use std::path::{Path, PathBuf};

use super::{ChangedDisk, Machine};
use crate::image::{self, Format};
use crate::libvirt::{
    Affects, DiskSpec, Domain, Element, MetadataChange, OwnedVolume, VolumeSpec, disk_prefix,
};
use crate::manager::create::base;
use crate::manager::needs::Doomed;
use crate::manager::{Error, Event, VmManager, Warning};
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
        let uuid = self.client.resolve(name).await?.uuid;
        let held = self.paths.lock_vm(&uuid).await?;
        let machine = self.machine(&uuid).await?;
        let bus = machine.stored.hardware().disk_bus;
        let target = machine.free_target(disk_prefix(bus))?;
        // QEMU's AHCI takes no disk while the guest runs.
        let affects = if bus == DiskBus::Sata { Affects::Stored } else { machine.affects() };
        let spec = |path: &str, format| DiskSpec { path: path.to_owned(), format, read_only: new.read_only };
        match &new.source {
            DiskSource::Empty(size) => {
                let volume = self.volume_for(&machine, &target).await?;
                let device = spec(&volume.path, "qcow2").to_element(&target, bus);
                self.add_made(&machine, &volume, *size, &device, affects).await?;
            }
            DiskSource::File(path) => {
                let (path, format) = self.check_disk_file(path, new.read_only).await?;
                let device = spec(&path, format).to_element(&target, bus);
                self.client.attach_device(&machine.uuid, &device, affects).await?;
            }
        }
        drop(held);
        let live = affects == Affects::Both;
        self.changed(&machine, &target, live).await
    }

    async fn volume_for(&self, machine: &Machine, target: &str) -> Result<OwnedVolume, Error> {
        let pool = self.storage_pool(true).await?;
        // The name of a VM of others may be one that no file can have.
        let name = machine.name.parse::<VmName>().map_or_else(|_| "vm".to_owned(), |name| name.to_string());
        // A file of that device's name may be there still: a disk that was removed and kept.
        let unique = &uuid::Uuid::new_v4().simple().to_string()[..6];
        let own = machine.uuid.get(..8).unwrap_or_default();
        let volume = format!("{name}-{own}-{target}-{unique}.qcow2");
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
        let own = MetadataChange { own: vec![volume.clone()], ..MetadataChange::default() };
        let disown = MetadataChange { disown: vec![volume.path.clone()], ..MetadataChange::default() };
        self.change_record_held(&machine.uuid, &own).await?;
        if let Err(error) = self.client.make_volume(&volume.pool, &spec).await {
            self.change_record_held(&machine.uuid, &disown).await?;
            return Err(error.into());
        }
        let attached = match self.interrupt.check() {
            Ok(()) => self.client.attach_device(&machine.uuid, device, affects).await.map_err(Error::from),
            Err(interrupted) => Err(interrupted),
        };
        let Err(error) = attached else { return Ok(()) };
        // libvirt may have done it though its answer was lost.
        let unused = match self.machine(&machine.uuid).await {
            Ok(now) => now.definitions().all(|domain| !uses(domain, &volume.path)),
            Err(_) => false,
        };
        if unused && self.client.delete_volume(&volume.pool, &volume.volume).await.is_ok() {
            self.change_record_held(&machine.uuid, &disown).await?;
            return Err(error);
        }
        Err(Error::LeftBehind { cause: Box::new(error), left: vec![volume.path.clone()] })
    }

    /// The path and the format of a file that is to be a disk. One that may be written is nobody else's.
    async fn check_disk_file(&self, path: &Path, read_only: bool) -> Result<(String, &'static str), Error> {
        if !self.uri().is_local() {
            return Err(Error::NotHere { path: path.to_owned(), uri: self.uri().to_string() });
        }
        // By its own name, so that whoever uses it is found.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (header, _) = image::read_data_disk(path)?;
        self.check_reach([path.as_path()])?;
        let shown = path.to_string_lossy().into_owned();
        if !read_only {
            let is_base =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(base::PREFIX));
            let coming = is_base.then(|| "VMs to come: it is a base".to_owned());
            let look = self.look().await?;
            let users = look.needed_by(&shown, &Doomed::default());
            let mut needed_by = users.into_iter().chain(look.users_of_file(path)).chain(coming);
            if let Some(needed_by) = needed_by.next() {
                return Err(Error::InUse { path: shown, needed_by });
            }
        }
        let format = match header.format {
            Format::Qcow2 => "qcow2",
            Format::Raw | Format::Iso => "raw",
        };
        Ok((shown, format))
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

fn uses(domain: &Domain, path: &str) -> bool {
    domain.disks.iter().any(|disk| disk.path.as_deref() == Some(path))
}
