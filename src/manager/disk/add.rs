use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{ChangedDisk, place_on};
use crate::image::{self, Format};
use crate::libvirt::{Affects, DiskSpec, Domain, Element, MetadataChange, OwnedVolume, VolumeSpec};
use crate::manager::change::Changes;
use crate::manager::claim::{Claim, Subject};
use crate::manager::disk::Disks;
use crate::manager::host_checks::{HostChecks, utf8_path};
use crate::manager::inventory::Inventory;
use crate::manager::inventory::{DeletionSet, Dependent};
use crate::manager::storage::base;
use crate::manager::storage::{Storage, file_mark};
use crate::manager::undo::UndoStack;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, Left, ResourceError, StorageError, Warning};
use crate::model::{DiskBus, DiskSize, Uuid, VmName};

/// How long a volume that did not become a disk is tried to be deleted.
const UNDO: Duration = Duration::from_secs(30);

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

impl Disks<'_> {
    /// Gives the VM another disk, at once if it runs and its bus can do that.
    ///
    /// # Errors
    /// [`StorageError::InUse`] for a file that another VM writes to; [`super::DiskError::TooManyDisks`]; those of the file, and of
    /// libvirt. Then nothing is left of it.
    pub async fn add(&self, name: &str, new: &NewDisk) -> Result<ChangedDisk, Error> {
        let vm = self.claim_changeable(name).await?;
        let bus = vm.stored.hardware().disk_bus;
        let place = place_on(&vm, bus)?;
        let target = place.name.as_str();
        // QEMU's AHCI takes no disk while the guest runs.
        let affects = if bus == DiskBus::Sata { Affects::Stored } else { vm.affects() };
        let spec = |path: &str, format| DiskSpec { path: path.to_owned(), format, read_only: new.read_only };
        match &new.source {
            DiskSource::Empty(size) => {
                let volume = self.volume_for(&vm, target).await?;
                let device = place.applied_to(spec(&volume.path, "qcow2").to_element(target, bus));
                self.add_made(&vm, &volume, *size, &device, affects).await?;
            }
            DiskSource::File(path) => {
                let _file = self.claim_file(path).await?;
                let (path, format) = self.check_disk_file(path, new.read_only).await?;
                let device = place.applied_to(spec(&path, format).to_element(target, bus));
                self.op.client().hardware().attach(vm.id.uuid, &device, affects).await?;
            }
        }
        let live = affects == Affects::Both;
        self.changed(&vm, target, live).await
    }

    /// Two that take one file for two VMs would each find it unused.
    async fn claim_file(&self, path: &Path) -> Result<Option<Claim>, Error> {
        let Ok(data) = std::fs::metadata(path) else { return Ok(None) };
        let subject = Subject::File(data.dev(), data.ino());
        self.op.claim_exclusive(subject, &path.to_string_lossy()).await.map(Some)
    }

    async fn volume_for(&self, vm: &Vm, target: &str) -> Result<OwnedVolume, Error> {
        let pool = Storage::of(self.op).storage_pool(true).await?;
        // The name of a VM of others may be one that no file can have.
        let name = vm.id.name.parse::<VmName>().map_or_else(|_| "vm".to_owned(), |name| name.to_string());
        // A file of that device's name may be there still: a disk that was removed and kept.
        let unique = &Uuid::new_v4().simple().to_string()[..6];
        let mark = file_mark(vm.id.uuid);
        let volume = format!("{name}-{mark}-{target}-{unique}.qcow2");
        Ok(OwnedVolume { path: format!("{}/{volume}", pool.path), pool: pool.name, volume })
    }

    /// The record comes first: what is killed midway leaves a volume that the VM owns, and that goes with it.
    async fn add_made(
        &self,
        vm: &Vm,
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
        let change = MetadataChange { owned: vec![volume.clone()], ..MetadataChange::default() };
        let disown = MetadataChange { disown: vec![volume.path.clone()], ..MetadataChange::default() };
        let changes = Changes::of(self.op);
        let mut undo = UndoStack::new(self.op);
        undo.will(vec![Left::File { path: volume.path.clone() }], self.forget(vm, volume, disown));
        changes.change_record(vm.id.uuid, &change).await?;
        let steps = async {
            self.op.client().volumes().create(&volume.pool, &spec).await?;
            self.op.check()?;
            Ok(self.op.client().hardware().attach(vm.id.uuid, device, affects).await?)
        };
        match steps.await {
            Ok(()) => Ok(()),
            Err(error) => Err(undo.unwind(error).await),
        }
    }

    /// Deletes a volume that was to be a disk, unless libvirt has attached it though its answer was lost.
    async fn forget(&self, vm: &Vm, volume: &OwnedVolume, disown: MetadataChange) -> Result<(), Error> {
        match self.op.load_resolved_vm(vm.id.clone()).await {
            Ok(now) if now.definitions().all(|domain| !uses(domain, &volume.path)) => {}
            Ok(_) => return Err(StorageError::NotRemoved { name: volume.volume.clone() }.into()),
            // Gone with the VM.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let deadline = Instant::now() + UNDO;
        let volumes = std::slice::from_ref(volume);
        let removed = Storage::of(self.op).remove_volumes(volumes, deadline).await;
        removed.map_err(|_| StorageError::NotRemoved { name: volume.volume.clone() })?;
        match Changes::of(self.op).change_record(vm.id.uuid, &disown).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// The path and the format of a file that is to be a disk. One that may be written is nobody else's.
    async fn check_disk_file(&self, path: &Path, read_only: bool) -> Result<(String, &'static str), Error> {
        if !self.op.locality().is_here() {
            return Err(
                ResourceError::NotHere { path: path.to_owned(), uri: self.op.uri().to_string() }.into()
            );
        }
        // By its own name, so that whoever uses it is found.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (header, _) = image::read_data_disk(path)?;
        HostChecks::of(self.op).check_reach([path.as_path()])?;
        let shown = utf8_path(path)?;
        if !read_only {
            let mut needed_by = Inventory::load(self.op).await?.needed_by(&shown, &DeletionSet::default());
            if base::is_base_file(path) {
                needed_by.push(Dependent::NewVms);
            }
            if !needed_by.is_empty() {
                return Err(StorageError::InUse { path: shown, needed_by }.into());
            }
        }
        // QEMU would refuse it at the VM's next start only.
        image::check_not_written(path)?;
        let format = match header.format {
            Format::Qcow2 => "qcow2",
            Format::Raw | Format::Iso => "raw",
        };
        Ok((shown, format))
    }

    /// Warns where a disk may outgrow the free space.
    pub(super) fn warn_of_room(&self, path: &str, size: DiskSize, taken_bytes: u64) {
        let folder = Path::new(path).parent().filter(|_| self.op.locality().is_here());
        let Some(free) = folder.and_then(|folder| crate::host::disk_free(folder).ok()) else { return };
        let available = DiskSize::from_bytes(free.saturating_add(taken_bytes));
        if available < size {
            self.op.report(Event::Warning(Warning::DiskShort { wanted: size, available }));
        }
    }
}

fn uses(domain: &Domain, path: &str) -> bool {
    domain.disks.iter().any(|disk| disk.path.as_deref() == Some(path))
}
