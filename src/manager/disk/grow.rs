use super::ChangedDisk;
use crate::manager::needs::Doomed;
use crate::manager::{Error, Event, VmManager};
use crate::model::DiskSize;

impl VmManager {
    /// Makes a disk larger; a guest that runs sees it at once.
    ///
    /// # Errors
    /// [`Error::WouldShrink`]; [`Error::InUse`] when another's disk stands on it; [`Error::NotInPool`] when it is
    /// no volume of libvirt's and the VM is off.
    pub async fn grow_disk(&self, name: &str, target: &str, size: DiskSize) -> Result<ChangedDisk, Error> {
        let machine = self.machine(name).await?;
        let disk = machine.disk(target)?;
        let missing = || Error::NoSuchDisk { name: machine.name.clone(), target: target.to_owned() };
        let path = disk.path.clone().filter(|_| disk.device == "disk").ok_or_else(missing)?;
        let (capacity, taken) = self.client.disk_sizes(&machine.uuid, target).await?;
        let live = machine.running.is_some();
        match capacity {
            Some(now) if now == size.bytes() => {
                self.report(Event::AlreadySo { name: target, what: "of that size" });
                return self.changed(&machine, target, live).await;
            }
            Some(now) if now > size.bytes() => {
                let (target, now) = (target.to_owned(), DiskSize::from_bytes(now));
                return Err(Error::WouldShrink { target, now, wanted: size });
            }
            _ => {}
        }
        self.warn_of_room(&path, size, taken.unwrap_or(0));
        if live {
            self.client.resize_running_disk(&machine.uuid, target, size.bytes()).await?;
        } else {
            let others = Doomed { vms: [machine.uuid.clone()].into(), files: [path.clone()].into() };
            if let Some(needed_by) = self.look().await?.needed_by(&path, &others).into_iter().next() {
                return Err(Error::InUse { path, needed_by });
            }
            let volume = self.client.volume_at(&path).await?;
            let volume = volume.ok_or_else(|| Error::NotInPool { name: machine.name.clone(), path })?;
            self.client.resize_volume(&volume, size.bytes()).await?;
        }
        self.changed(&machine, target, live).await
    }
}
