use std::path::Path;

use super::{ChangedDisk, DiskError, disk, element_of, place_on};
use crate::image::check_iso;
use crate::libvirt::{Affects, Disk, DiskDevice, DiskSource, Domain, Element, Node, cdrom};
use crate::manager::Error;
use crate::manager::disk::Disks;
use crate::manager::host_checks::{HostChecks, utf8_path};
use crate::manager::vm::Vm;
use crate::model::DiskBus;

impl Disks<'_> {
    /// Puts an ISO into a CD-ROM drive: the one that is named, else an empty one, else the only one. A VM
    /// without a drive gets one, from its next start on.
    ///
    /// # Errors
    /// Those of [`check_iso`]; [`DiskError::NoSuchDisk`]; [`DiskError::NotADrive`]; [`DiskError::WhichDrive`].
    pub async fn insert(
        &self,
        name: &str,
        iso: &Path,
        target: Option<&str>,
        force: bool,
    ) -> Result<ChangedDisk, Error> {
        if self.op.locality().is_here() {
            check_iso(iso)?;
        }
        HostChecks::of(self.op).check_reach([iso])?;
        let iso = utf8_path(iso)?;
        let vm = self.claim_changeable(name).await?;
        let target = match (target, drives(&vm).as_slice()) {
            (Some(target), _) => drive(&vm, target)?.target.clone(),
            (None, []) => {
                let target = place_on(&vm, DiskBus::Sata)?;
                let device = target.applied_to(cdrom(&iso, &target.name, None));
                self.op.client().hardware().attach(vm.id.uuid, &device, Affects::Stored).await?;
                return self.changed(&vm, &target.name, false).await;
            }
            (None, drives) => match (drives.iter().find(|drive| is_empty(drive)), drives) {
                (Some(empty), _) | (None, [empty]) => empty.target.clone(),
                _ => return Err(which_drive(&vm).into()),
            },
        };
        self.change_media(&vm, &target, Some(&iso), force).await
    }

    /// Empties a CD-ROM drive: the one that is named, else the only one with something in it.
    ///
    /// # Errors
    /// [`DiskError::NoSuchDisk`]; [`DiskError::NotADrive`]; [`DiskError::WhichDrive`]; when the guest has locked it, unless by `force`.
    pub async fn eject(&self, name: &str, target: Option<&str>, force: bool) -> Result<ChangedDisk, Error> {
        let vm = self.claim_changeable(name).await?;
        let drives = drives(&vm);
        let full: Vec<&Disk> = drives.iter().copied().filter(|drive| !is_empty(drive)).collect();
        let target = match (target, full.as_slice(), drives.as_slice()) {
            (Some(target), ..) => drive(&vm, target)?.target.clone(),
            (None, [only], _) | (None, [], [only, ..]) => only.target.clone(),
            (None, [], []) => return Err(DiskError::NoDrive { name: vm.id.name.clone() }.into()),
            _ => return Err(which_drive(&vm).into()),
        };
        self.change_media(&vm, &target, None, force).await
    }

    async fn change_media(
        &self,
        vm: &Vm,
        target: &str,
        iso: Option<&str>,
        force: bool,
    ) -> Result<ChangedDisk, Error> {
        let with_media = |domain: &Domain| element_of(domain, target).map(|drive| filled(drive, iso));
        let live = vm.running.as_ref().and_then(with_media);
        if let Some(drive) = &live {
            self.op.client().hardware().update(vm.id.uuid, drive, Affects::Running, force).await?;
        }
        if let Some(drive) = with_media(&vm.stored) {
            self.op.client().hardware().update(vm.id.uuid, &drive, Affects::Stored, force).await?;
        }
        self.changed(vm, target, live.is_some()).await
    }
}

/// The drives that the VM has now, then those that come with its next start: SATA drives cannot be plugged into a
/// running machine.
fn drives(vm: &Vm) -> Vec<&Disk> {
    let mut drives: Vec<&Disk> = Vec::new();
    for disk in vm.definitions().flat_map(|domain| &domain.disks) {
        if disk.device == DiskDevice::Cdrom && drives.iter().all(|known| known.target != disk.target) {
            drives.push(disk);
        }
    }
    drives
}

fn drive<'a>(vm: &'a Vm, target: &str) -> Result<&'a Disk, DiskError> {
    let disk = disk(vm, target)?;
    match disk.device {
        DiskDevice::Cdrom => Ok(disk),
        device => Err(DiskError::NotADrive { name: vm.id.name.clone(), target: target.to_owned(), device }),
    }
}

fn is_empty(drive: &Disk) -> bool {
    drive.source == DiskSource::Empty
}

fn which_drive(vm: &Vm) -> DiskError {
    let targets = drives(vm).iter().map(|drive| drive.target.clone()).collect();
    DiskError::WhichDrive { name: vm.id.name.clone(), targets }
}

/// The drive with another ISO in it, or none.
fn filled(mut drive: Element, iso: Option<&str>) -> Element {
    let is_source =
        |node: &Node| matches!(node, Node::Element(e) if e.name == "source" || e.name == "backingStore");
    drive.children.retain(|node| !is_source(node));
    drive.set_attribute("type", "file");
    drive.children(iso.map(|iso| Element::new("source").with("file", iso)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_filled_and_emptied_and_keeps_the_rest() {
        let drive = Element::parse(
            "<disk type='file' device='cdrom'><driver name='qemu'/><source file='/a'/><backingStore/><target dev='sda'/></disk>",
        )
        .expect("parses");
        let full = filled(drive.clone(), Some("/b & c"));
        assert_eq!(full.find_attribute("source", "file"), Some("/b & c"));
        assert_eq!(full.all("source").count(), 1);
        let empty = filled(drive, None);
        assert!(empty.find("source").is_none() && empty.find("target").is_some());
    }
}
