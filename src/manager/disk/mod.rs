//! A VM's disks and CD-ROM drives: added, grown, removed, filled and emptied while it runs, if it can.

mod add;
mod error;
mod grow;
mod media;
mod remove;

use crate::manager::vms::{Vms, source_of};
use crate::model::Uuid;
pub use add::{DiskSource, NewDisk};
pub use error::{CopyObstacle, DiskError};
pub use remove::DiskRemoval;

use super::{DiskStatus, Error};
use crate::libvirt::{Disk, Domain, Element, FreeTarget, free_target};
use crate::manager::operation::noun;
use crate::manager::vm::Vm;
use crate::model::DiskBus;

/// A disk or drive after a change.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ChangedDisk {
    /// The VM.
    pub vm: String,
    /// Whether the machine that runs has the change already. Else it counts from the next start on.
    pub live: bool,
    /// The disk as it is now, or was, if it is gone.
    #[serde(flatten)]
    pub disk: DiskStatus,
}

noun! {
    /// VMs' disks and drives.
    Disks
}

impl Disks<'_> {
    /// The VM's disks and drives.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn list(&self, name: &str) -> Result<Vec<DiskStatus>, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        self.disks_of(id.uuid).await
    }

    async fn disks_of(&self, uuid: Uuid) -> Result<Vec<DiskStatus>, Error> {
        let definitions = self.op.client().definitions();
        self.disks_in(&definitions.current(uuid).await?, &definitions.stored(uuid).await?).await
    }

    async fn disks_in(&self, current: &Domain, stored: &Domain) -> Result<Vec<DiskStatus>, Error> {
        let stats = self.op.client().statistics().of(current.uuid).await?;
        let mut disks = Vms::of(self.op).disk_statuses(current, &stats).await?;
        // Those that come with the next start, or that the guest alone has released.
        for disk in &stored.disks {
            if disks.iter().all(|known| known.target != disk.target) {
                disks.push(DiskStatus {
                    target: disk.target.clone(),
                    path: disk.path.clone(),
                    source: source_of(disk),
                    format: disk.format.clone(),
                    owned: disk.path.as_ref().is_some_and(|path| current.owns(path)),
                    ..DiskStatus::default()
                });
            }
        }
        Ok(disks)
    }

    /// The VM, claimed, if its devices can be changed.
    async fn claim_changeable(&self, name: &str) -> Result<Vm, Error> {
        let vm = self.op.claim_vm(name).await?;
        vm.refuse_saved()?;
        Ok(vm)
    }

    /// The disk after a change; `live` if the machine that runs has it.
    async fn changed(&self, vm: &Vm, target: &str, live: bool) -> Result<ChangedDisk, Error> {
        let disk = status_of(self.disks_of(vm.id.uuid).await?, target);
        Ok(ChangedDisk { vm: vm.id.name.clone(), live, disk })
    }
}

fn status_of(disks: Vec<DiskStatus>, target: &str) -> DiskStatus {
    let found = disks.into_iter().find(|disk| disk.target == target);
    found.unwrap_or_else(|| DiskStatus { target: target.to_owned(), ..DiskStatus::default() })
}

/// The disk of that name, as it is now.
fn disk<'a>(vm: &'a Vm, target: &str) -> Result<&'a Disk, DiskError> {
    let missing = || DiskError::NoSuchDisk { name: vm.id.name.clone(), target: target.to_owned() };
    vm.disk(target).ok_or_else(missing)
}

/// A place on the bus that is free.
fn place_on(vm: &Vm, bus: DiskBus) -> Result<FreeTarget, DiskError> {
    let definitions: Vec<&Domain> = vm.definitions().collect();
    let found = free_target(&definitions, &bus.into());
    found.ok_or_else(|| DiskError::TooManyDisks { name: vm.id.name.clone() })
}

/// The device in the definition, to be changed.
fn element_of(domain: &Domain, target: &str) -> Option<Element> {
    let mut disks = domain.tree.find("devices")?.all("disk");
    disks.find(|disk| disk.find_attribute("target", "dev") == Some(target)).cloned()
}
