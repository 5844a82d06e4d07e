//! A VM's disks and CD-ROM drives: added, grown, removed, filled and emptied while it runs, if it can.

mod add;
mod error;
mod grow;
mod media;
mod remove;

use crate::manager::VmError;
use crate::manager::power::Power;
use crate::manager::vms::{Vms, source_of};
pub use add::{DiskSource, NewDisk};
pub use error::{CopyObstacle, DiskError};
pub use remove::DiskRemoval;

use super::{DiskStatus, Error};
use crate::libvirt::{Affects, Disk, Domain, DomainId, Element, FreeTarget, free_target};
use crate::manager::operation::noun;
use crate::model::{DiskBus, Uuid};

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

/// A VM with both its definitions.
struct Machine {
    name: String,
    uuid: Uuid,
    /// What runs; `None` when it is off.
    running: Option<Domain>,
    /// What the next start makes.
    stored: Domain,
}

impl Machine {
    fn id(&self) -> DomainId {
        DomainId { uuid: self.uuid, name: self.name.clone() }
    }

    fn definitions(&self) -> impl Iterator<Item = &Domain> {
        self.running.iter().chain([&self.stored])
    }

    /// The disk of that name, as it is now.
    fn disk(&self, target: &str) -> Result<&Disk, Error> {
        let mut found = self.definitions().filter_map(|domain| disk_of(domain, target));
        let missing = || DiskError::NoSuchDisk { name: self.name.clone(), target: target.to_owned() };
        Ok(found.next().ok_or_else(missing)?)
    }

    fn affects(&self) -> Affects {
        Affects::all(self.running.is_some())
    }

    /// A place on the bus that is free.
    fn free_target(&self, bus: DiskBus) -> Result<FreeTarget, Error> {
        let definitions: Vec<&Domain> = self.definitions().collect();
        let found = free_target(&definitions, &bus.into());
        Ok(found.ok_or_else(|| DiskError::TooManyDisks { name: self.name.clone() })?)
    }
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
        let stats = self.op.client().statistics().of(uuid).await?;
        let domain = self.op.client().definitions().current(uuid).await?;
        let mut disks = Vms::of(self.op).disk_statuses(&domain, &stats).await?;
        // Those that come with the next start, or that the guest alone has let go of.
        for disk in self.op.client().definitions().stored(uuid).await?.disks {
            if disks.iter().all(|known| known.target != disk.target) {
                let owned = disk.path.as_ref().is_some_and(|path| domain.owns(path));
                let source = source_of(&disk);
                let (target, path, format) = (disk.target, disk.path, disk.format);
                disks.push(DiskStatus { target, path, source, format, owned, ..DiskStatus::default() });
            }
        }
        Ok(disks)
    }

    async fn machine(&self, id: &DomainId) -> Result<Machine, Error> {
        let active = self.op.client().domains().state(id.uuid).await?.is_active();
        let stored = self.op.client().definitions().stored(id.uuid).await?;
        Power::of(self.op).refuse_unmade(&stored).await?;
        // What libvirt saved goes on with the devices that it had, whatever its definition says by then.
        if !active && self.op.client().domains().is_saved(id.uuid).await? {
            return Err(VmError::Saved { name: id.name.clone() }.into());
        }
        let running =
            if active { Some(self.op.client().definitions().current(id.uuid).await?) } else { None };
        Ok(Machine { name: id.name.clone(), uuid: id.uuid, running, stored })
    }

    /// The disk after a change; `live` if the machine that runs has it.
    async fn changed(&self, machine: &Machine, target: &str, live: bool) -> Result<ChangedDisk, Error> {
        let now = self.disks_of(machine.uuid).await?.into_iter().find(|disk| disk.target == target);
        // One that comes with the next start is not in the definition that runs.
        let disk = now.unwrap_or_else(|| DiskStatus { target: target.to_owned(), ..DiskStatus::default() });
        Ok(ChangedDisk { vm: machine.name.clone(), live, disk })
    }
}

fn disk_of<'a>(domain: &'a Domain, target: &str) -> Option<&'a Disk> {
    domain.disks.iter().find(|disk| disk.target == target)
}

/// The device in the definition, to be changed.
fn element_of(domain: &Domain, target: &str) -> Option<Element> {
    let mut disks = domain.tree.find("devices")?.all("disk");
    disks.find(|disk| disk.find_attribute("target", "dev") == Some(target)).cloned()
}
