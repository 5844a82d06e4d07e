use super::{ChangedDisk, DiskError, disk};
use crate::libvirt::{DiskRole, Domain};
use crate::manager::disk::Disks;
use crate::manager::power::Power;
use crate::manager::storage::Storage;
use crate::manager::{Already, Error, Event, StorageError};
use crate::model::DiskSize;

impl Disks<'_> {
    /// Makes a disk larger; a guest that runs sees it at once.
    ///
    /// # Errors
    /// [`DiskError::WouldShrink`]; [`DiskError::NotADisk`] for a drive; [`DiskError::Seed`]; [`StorageError::NotInPool`] when it is
    /// no volume of libvirt's and the VM is shut off.
    pub async fn resize(&self, name: &str, target: &str, size: DiskSize) -> Result<ChangedDisk, Error> {
        let vm = self.claim_changeable(name).await?;
        let disk = disk(&vm, target)?;
        if !disk.is_hard_disk() {
            let (name, target) = (vm.id.name.clone(), target.to_owned());
            return Err(DiskError::NotADisk { name, target, device: disk.device }.into());
        }
        if vm.definitions().any(|domain| domain.disk_role(disk) == DiskRole::Seed) {
            return Err(DiskError::Seed { name: vm.id.name.clone(), target: target.to_owned() }.into());
        }
        let path = Storage::of(self.op).disk_file(&vm.stored, disk)?;
        let (capacity, taken) = Storage::of(self.op).disk_sizes(vm.id.uuid, disk).await?;
        let live = vm.running.is_some();
        match capacity {
            Some(now) if now == size.bytes() => {
                self.op.report(Event::AlreadySo { name: target, what: Already::OfThatSize });
                return self.changed(&vm, target, live).await;
            }
            Some(has) if has > size.bytes() => {
                return Err(
                    DiskError::WouldShrink { path, has: DiskSize::from_bytes(has), wanted: size }.into()
                );
            }
            _ => {}
        }
        self.warn_of_room(&path, size, taken.unwrap_or(0));
        self.set_disk_size(&vm.stored, live, target, &path, size.bytes()).await?;
        self.changed(&vm, target, live).await
    }

    /// Sets the size of a disk that is smaller.
    pub(in crate::manager) async fn set_disk_size(
        &self,
        domain: &Domain,
        running: bool,
        target: &str,
        path: &str,
        bytes: u64,
    ) -> Result<(), Error> {
        if running {
            return Ok(self.op.client().hardware().resize_disk(domain.uuid, target, bytes).await?);
        }
        Power::of(self.op).refuse_parent(domain).await?;
        // libvirt makes a raw file larger without a look at QEMU's locks.
        let format =
            domain.disks.iter().find(|disk| disk.target == target).and_then(|disk| disk.format.as_deref());
        Storage::of(self.op).refuse_written(path, format)?;
        self.op.client().volumes().resize(path, bytes).await.map_err(|error| match error {
            error if error.is_not_found() => {
                StorageError::NotInPool { name: domain.name.clone(), path: path.to_owned() }.into()
            }
            other => Error::from(other),
        })
    }
}
