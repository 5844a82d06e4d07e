use std::time::{Duration, Instant};

use super::{ChangedDisk, DiskError, disk, status_of};
use crate::libvirt::{Affects, Disk, DiskRole, DiskSource, Domain, MetadataChange, OwnedVolume};
use crate::manager::change::Changes;
use crate::manager::disk::Disks;
use crate::manager::inventory::{DeletionSet, Inventory};
use crate::manager::storage::Storage;
use crate::manager::vm::Vm;
use crate::manager::{Already, DiskStatus, Error, Event, Left, StorageError, Warning};
use crate::model::Uuid;

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
    uuid: Uuid,
    /// What the disk was in the running and in the stored definition when this was planned: its name may mean another
    /// by the time it is done.
    #[serde(skip)]
    sources: Vec<DiskSource>,
    #[serde(skip)]
    volume: Option<OwnedVolume>,
}

impl DiskRemoval {
    fn disk_in<'a>(&self, domain: &'a Domain) -> Option<&'a Disk> {
        domain.disk(&self.disk.target).filter(|disk| self.sources.contains(&disk.source))
    }
}

impl Disks<'_> {
    /// What [`Disks::remove`] would do. With `keep` the file stays in any case.
    ///
    /// # Errors
    /// [`DiskError::NeededDisk`] for the disk that the VM boots from and for its seed; [`StorageError::InUse`] when another's disk
    /// stands on a file that would be deleted, [`StorageError::Open`] when a QEMU of others has it open.
    /// [`DiskError::NotHotPluggable`] when a file would be deleted that the running VM cannot release.
    pub async fn plan_removal(&self, name: &str, target: &str, keep: bool) -> Result<DiskRemoval, Error> {
        let vm = self.op.load_vm(name).await?;
        vm.refuse_saved()?;
        let disk = disk(&vm, target)?;
        let mut owned = vm.definitions().flat_map(Domain::owned_volumes);
        let volume = owned.find(|owned| Some(&owned.path) == disk.path.as_ref());
        let role = vm.stored.disk(target).map(|disk| vm.stored.disk_role(disk));
        if matches!(role, Some(DiskRole::System | DiskRole::Seed)) {
            return Err(DiskError::NeededDisk { name: vm.id.name.clone(), target: target.to_owned() }.into());
        }
        let volume = volume.filter(|_| !keep).cloned();
        let disks = vm.definitions().filter_map(|domain| domain.disk(target));
        let removal = DiskRemoval {
            vm: vm.id.name.clone(),
            deletes: volume.is_some(),
            on_next_start: !is_unpluggable(&vm, target),
            disk: status_of(self.disks_in(vm.current(), &vm.stored).await?, target),
            uuid: vm.id.uuid,
            sources: disks.map(|disk| disk.source.clone()).collect(),
            volume,
        };
        self.check(&removal, &vm).await?;
        Ok(removal)
    }

    /// Takes a disk away from the VM; a guest that runs is asked to release it and waited for. Whether another needs
    /// the file is asked again before and after: somebody may have been asked first, and the guest taken its time.
    ///
    /// # Errors
    /// [`DiskError::Replaced`] when the VM has another disk of that name by now; [`DiskError::StillAttached`] when the
    /// guest does not release it in time: then the VM keeps it. [`StorageError::InUse`], [`StorageError::Open`];
    /// [`Error::LeftBehind`] when the disk is taken away, and its file stays.
    pub async fn remove(&self, removal: DiskRemoval, timeout: Duration) -> Result<ChangedDisk, Error> {
        let live = {
            let vm = self.claim_planned(&removal).await?;
            self.check(&removal, &vm).await?;
            if !is_unpluggable(&vm, &removal.disk.target) {
                self.remove_stored(&vm, &removal).await?;
                return Ok(ChangedDisk { vm: removal.vm, live: false, disk: removal.disk });
            }
            vm.running.as_ref().is_some_and(|domain| removal.disk_in(domain).is_some())
        };
        if live {
            let detached = self.op.race(self.detach_from_guest(&removal, timeout)).await;
            if matches!(detached, Err(Error::Interrupted)) {
                let (vm, target) = (removal.vm.clone(), removal.disk.target.clone());
                self.op.report(Event::Warning(Warning::MayLetGo { vm, target }));
            }
            detached?;
        }
        // The VM is claimed again: not while a guest takes its time, during which others may change it.
        let vm = self.claim_changeable(&removal.uuid.to_string()).await?;
        if removal.disk_in(&vm.stored).is_some() {
            let (hardware, target) = (self.op.client().hardware(), &removal.disk.target);
            let detach = async || hardware.detach_disk(removal.uuid, target, Affects::Stored).await;
            self.op.retry(timeout).while_busy(detach).await?;
        }
        self.delete_volume(&removal).await?;
        if let Some(path) = removal.disk.path.clone().filter(|_| removal.disk.owned) {
            let disown = MetadataChange { disown: vec![path], ..MetadataChange::default() };
            Changes::of(self.op).change_record(removal.uuid, &disown).await?;
        }
        Ok(ChangedDisk { vm: removal.vm, live, disk: removal.disk })
    }

    /// The VM, claimed, unless the disk's name means another one by now. That it is gone already is no error.
    async fn claim_planned(&self, removal: &DiskRemoval) -> Result<Vm, Error> {
        let vm = self.claim_changeable(&removal.uuid.to_string()).await?;
        let target = &removal.disk.target;
        if vm.disk(target).is_some() && vm.definitions().all(|domain| removal.disk_in(domain).is_none()) {
            return Err(DiskError::Replaced { name: vm.id.name.clone(), target: target.clone() }.into());
        }
        Ok(vm)
    }

    /// Removes a disk that the running machine cannot release from the definition of the next start.
    async fn remove_stored(&self, vm: &Vm, removal: &DiskRemoval) -> Result<(), Error> {
        let target = removal.disk.target.as_str();
        if removal.disk_in(&vm.stored).is_none() {
            self.op.report(Event::AlreadySo { name: target, what: Already::RemovedOnNextStart });
            return Ok(());
        }
        Ok(self.op.client().hardware().detach_disk(removal.uuid, target, Affects::Stored).await?)
    }

    /// Checks what can keep the disk's file from being deleted, if it is to be.
    async fn check(&self, removal: &DiskRemoval, vm: &Vm) -> Result<(), Error> {
        let Some(volume) = &removal.volume else { return Ok(()) };
        if !is_unpluggable(vm, &removal.disk.target) {
            let (name, target) = (removal.vm.clone(), removal.disk.target.clone());
            return Err(DiskError::NotHotPluggable { name, target }.into());
        }
        let inventory = self.refuse_needed_elsewhere(removal, volume).await?;
        let path = [volume.path.as_str()].into_iter();
        Storage::of(self.op).refuse_open_elsewhere(path, &inventory).await
    }

    /// What there is, if nothing else than the VM needs the volume.
    async fn refuse_needed_elsewhere(
        &self,
        removal: &DiskRemoval,
        volume: &OwnedVolume,
    ) -> Result<Inventory, Error> {
        let inventory = Inventory::load(self.op).await?;
        let others =
            DeletionSet { vms: [removal.uuid].into(), files: [inventory.files.key(&volume.path)].into() };
        let needed_by = inventory.needed_by(&volume.path, &others);
        match needed_by.is_empty() {
            true => Ok(inventory),
            false => Err(StorageError::InUse { path: volume.path.clone(), needed_by }.into()),
        }
    }

    /// Deletes the file of a disk that the VM, which is claimed, has no more.
    async fn delete_volume(&self, removal: &DiskRemoval) -> Result<(), Error> {
        let Some(volume) = &removal.volume else { return Ok(()) };
        let delete = async {
            self.refuse_needed_elsewhere(removal, volume).await?;
            Storage::of(self.op).refuse_open([volume.path.as_str()].into_iter()).await?;
            Ok(self.op.client().volumes().delete_recorded(volume).await?)
        };
        match delete.await {
            Err(Error::Libvirt(error)) if error.is_not_found() => Ok(()),
            // It is the VM's own still, and goes with it.
            Err(error) => {
                let left = vec![Left::File { path: volume.path.clone() }.into()];
                Err(Error::LeftBehind { cause: Box::new(error), left })
            }
            Ok(()) => Ok(()),
        }
    }

    /// The VM is claimed whenever the guest is asked, so that the disk's name means no other one by then.
    async fn detach_from_guest(&self, removal: &DiskRemoval, timeout: Duration) -> Result<(), Error> {
        let (uuid, target) = (removal.uuid, &removal.disk.target);
        let mut retry = self.op.retry(timeout);
        let mut asked: Option<Instant> = None;
        loop {
            if asked.is_none_or(|at| at.elapsed() > ASK_AGAIN) {
                let vm = self.claim_changeable(&uuid.to_string()).await?;
                if vm.running.as_ref().is_none_or(|domain| removal.disk_in(domain).is_none()) {
                    return Ok(());
                }
                match self.op.client().hardware().detach_disk(uuid, target, Affects::Running).await {
                    Ok(()) => {}
                    Err(error) if error.is_not_found() => return Ok(()),
                    // libvirt says so while the guest is still at it.
                    Err(_) if asked.is_some() => {}
                    Err(error) if self.op.client().domains().state(uuid).await?.is_active() => {
                        return Err(error.into());
                    }
                    // It shut down meanwhile.
                    Err(_) => return Ok(()),
                }
                asked = Some(Instant::now());
            }
            let active = self.op.client().domains().state(uuid).await?.is_active();
            if !active || removal.disk_in(&self.op.client().definitions().current(uuid).await?).is_none() {
                return Ok(());
            }
            if !retry.again().await? {
                let (name, target) = (removal.vm.clone(), target.clone());
                return Err(DiskError::StillAttached { name, target, timeout }.into());
            }
        }
    }
}

/// Whether a machine that runs, and has the disk, can release it.
fn is_unpluggable(vm: &Vm, target: &str) -> bool {
    let disk = vm.running.as_ref().and_then(|domain| domain.disk(target));
    disk.is_none_or(Disk::is_hot_unpluggable)
}
