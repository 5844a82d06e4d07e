use std::time::{Duration, Instant};

use super::{ChangedDisk, DiskError, disk, disk_of};
use crate::libvirt::{Affects, Disk, DiskRole, Domain, MetadataChange, OwnedVolume};
use crate::manager::change::Changes;
use crate::manager::disk::Disks;
use crate::manager::inventory::{DeletionSet, Inventory};
use crate::manager::storage::Storage;
use crate::manager::vm::Vm;
use crate::manager::{Already, DiskStatus, Error, Event, Left, StorageError, Warning};

/// It is asked again: it may not have been listening yet.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What removing a disk would do.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DiskRemoval {
    /// The VM.
    pub vm: String,
    /// Whether its file is deleted: it was made for this VM.
    pub deletes: bool,
    /// Whether a VM that runs keeps the disk until it stops: devices of its kind cannot be unplugged.
    pub on_next_start: bool,
    /// The disk.
    #[serde(flatten)]
    pub disk: DiskStatus,
    #[serde(skip)]
    volume: Option<OwnedVolume>,
}

impl Disks<'_> {
    /// What [`Disks::remove`] would do. With `keep` the file stays in any case.
    ///
    /// # Errors
    /// [`DiskError::NeededDisk`] for the disk that the VM boots from and for its seed; [`StorageError::InUse`] when another's disk
    /// stands on a file that would be deleted. [`DiskError::NotHotPluggable`] when a file would be deleted that the
    /// running VM cannot release.
    pub async fn plan_removal(&self, name: &str, target: &str, keep: bool) -> Result<DiskRemoval, Error> {
        let vm = self.op.look_at_vm(name).await?;
        vm.refuse_saved()?;
        let disk = disk(&vm, target)?;
        let mut owned = vm.definitions().flat_map(Domain::owned_volumes);
        let own = owned.find(|owned| Some(&owned.path) == disk.path.as_ref());
        let role = vm.stored.disk(target).map(|disk| vm.stored.disk_role(disk));
        if matches!(role, Some(DiskRole::System | DiskRole::Seed)) {
            return Err(DiskError::NeededDisk { name: vm.id.name.clone(), target: target.to_owned() }.into());
        }
        let volume = own.filter(|_| !keep).cloned();
        let on_next_start = !is_unpluggable(&vm, target);
        if on_next_start && volume.is_some() {
            let (name, target) = (vm.id.name.clone(), target.to_owned());
            return Err(DiskError::NotHotPluggable { name, target }.into());
        }
        self.refuse_needed_elsewhere(&vm, volume.as_ref()).await?;
        if vm.running.is_none() {
            Storage::of(self.op).refuse_open(volume.iter().map(|volume| volume.path.as_str())).await?;
        }
        let disk = self.changed(&vm, target, false).await?.disk;
        Ok(DiskRemoval { vm: vm.id.name.clone(), deletes: volume.is_some(), on_next_start, disk, volume })
    }

    /// Takes a disk away from the VM; a guest that runs is asked to let go of it and waited for. Whether another
    /// needs the file is asked again before and after: somebody may have been asked first, and the guest taken its
    /// time.
    ///
    /// # Errors
    /// [`DiskError::StillAttached`] when the guest doesn't in time: then the VM keeps it. [`StorageError::InUse`];
    /// [`Error::LeftBehind`] when the disk is taken away, and its file stays.
    pub async fn remove(&self, removal: DiskRemoval, timeout: Duration) -> Result<ChangedDisk, Error> {
        let vm = self.op.look_at_vm(&removal.vm).await?;
        vm.refuse_saved()?;
        let target = removal.disk.target.as_str();
        self.refuse_needed_elsewhere(&vm, removal.volume.as_ref()).await?;
        if !is_unpluggable(&vm, target) {
            return self.remove_stored(removal).await;
        }
        let live = vm.running.as_ref().is_some_and(|domain| disk_of(domain, target).is_some());
        if live {
            let detached = self.op.race(self.detach_from_guest(&vm, target, timeout)).await;
            if matches!(detached, Err(Error::Interrupted)) {
                let (vm, target) = (vm.id.name.clone(), target.to_owned());
                self.op.report(Event::Warning(Warning::MayLetGo { vm, target }));
            }
            detached?;
        }
        // A guest may take its time, and others may change the VM meanwhile: claimed is what is decided now.
        let vm = self.own(&vm.id.uuid.to_string()).await?;
        if disk_of(&vm.stored, target).is_some() {
            self.op.client().hardware().detach_disk(vm.id.uuid, target, Affects::Stored).await?;
        }
        if let Some(volume) = &removal.volume {
            let delete = async {
                self.refuse_needed_elsewhere(&vm, Some(volume)).await?;
                Storage::of(self.op).refuse_open([volume.path.as_str()].into_iter()).await?;
                Ok(self.op.client().volumes().delete_recorded(volume).await?)
            };
            match delete.await {
                Err(Error::Libvirt(error)) if error.is_not_found() => {}
                // It is the VM's own still, and goes with it.
                Err(error) => {
                    let left = vec![Left::File { path: volume.path.clone() }.into()];
                    return Err(Error::LeftBehind { cause: Box::new(error), left });
                }
                Ok(()) => {}
            }
        }
        if let Some(path) = removal.disk.path.clone().filter(|_| removal.disk.owned) {
            let disown = MetadataChange { disown: vec![path], ..MetadataChange::default() };
            Changes::of(self.op).change_record(vm.id.uuid, &disown).await?;
        }
        Ok(ChangedDisk { vm: removal.vm, live, disk: removal.disk })
    }

    /// Removes a disk that the running machine cannot release from the definition of the next start.
    async fn remove_stored(&self, removal: DiskRemoval) -> Result<ChangedDisk, Error> {
        let vm = self.own(&removal.vm).await?;
        let target = removal.disk.target.as_str();
        if removal.volume.is_some() {
            let (name, target) = (vm.id.name.clone(), target.to_owned());
            return Err(DiskError::NotHotPluggable { name, target }.into());
        }
        if disk_of(&vm.stored, target).is_some() {
            self.op.client().hardware().detach_disk(vm.id.uuid, target, Affects::Stored).await?;
        } else {
            self.op.report(Event::AlreadySo { name: target, what: Already::RemovedOnNextStart });
        }
        Ok(ChangedDisk { vm: removal.vm, live: false, disk: removal.disk })
    }

    async fn refuse_needed_elsewhere(&self, vm: &Vm, volume: Option<&OwnedVolume>) -> Result<(), Error> {
        let Some(volume) = volume else { return Ok(()) };
        let inventory = Inventory::load(self.op).await?;
        let others =
            DeletionSet { vms: [vm.id.uuid].into(), files: [inventory.files.key(&volume.path)].into() };
        let needed_by = inventory.needed_by(&volume.path, &others);
        match needed_by.is_empty() {
            true => Ok(()),
            false => Err(StorageError::InUse { path: volume.path.clone(), needed_by }.into()),
        }
    }

    async fn detach_from_guest(&self, vm: &Vm, target: &str, timeout: Duration) -> Result<(), Error> {
        let mut retry = self.op.retry(timeout);
        let mut asked: Option<Instant> = None;
        loop {
            if asked.is_none_or(|at| at.elapsed() > ASK_AGAIN) {
                match self.op.client().hardware().detach_disk(vm.id.uuid, target, Affects::Running).await {
                    Ok(()) => {}
                    Err(error) if error.is_not_found() => return Ok(()),
                    // libvirt says so while the guest is still at it.
                    Err(_) if asked.is_some() => {}
                    Err(error) if self.op.client().domains().state(vm.id.uuid).await?.is_active() => {
                        return Err(error.into());
                    }
                    // It went off meanwhile.
                    Err(_) => return Ok(()),
                }
                asked = Some(Instant::now());
            }
            let active = self.op.client().domains().state(vm.id.uuid).await?.is_active();
            if !active
                || disk_of(&self.op.client().definitions().current(vm.id.uuid).await?, target).is_none()
            {
                return Ok(());
            }
            if !retry.again().await? {
                let (name, target) = (vm.id.name.clone(), target.to_owned());
                return Err(DiskError::StillAttached { name, target, timeout }.into());
            }
        }
    }
}

/// Whether a machine that runs, and has the disk, can release it.
fn is_unpluggable(vm: &Vm, target: &str) -> bool {
    let disk = vm.running.as_ref().and_then(|domain| disk_of(domain, target));
    disk.is_none_or(Disk::is_hot_unpluggable)
}
