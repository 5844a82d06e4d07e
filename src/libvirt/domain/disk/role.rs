use super::{Disk, DiskDevice};
use crate::libvirt::domain::Domain;

/// What a disk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskRole {
    /// The hard disk that the machine boots from.
    System,
    /// Another hard disk.
    Data,
    /// The small disk from which cloud-init in the guest reads its configuration.
    Seed,
    /// A CD-ROM drive.
    Cdrom,
    /// A floppy drive.
    Floppy,
}

impl Domain {
    /// What the disk, which is one of this domain's, is for. Everything that treats disks differently
    /// by their purpose asks here.
    pub fn disk_role(&self, disk: &Disk) -> DiskRole {
        match disk.device {
            DiskDevice::Cdrom => DiskRole::Cdrom,
            DiskDevice::Floppy => DiskRole::Floppy,
            DiskDevice::Disk | DiskDevice::Lun if is_seed(self, disk) => DiskRole::Seed,
            DiskDevice::Disk | DiskDevice::Lun if self.boot_disk() == Some(disk) => DiskRole::System,
            DiskDevice::Disk | DiskDevice::Lun => DiskRole::Data,
        }
    }

    /// The disks of a role, in libvirt's order.
    pub fn disks_in_role(&self, role: DiskRole) -> impl Iterator<Item = &Disk> {
        self.disks.iter().filter(move |disk| self.disk_role(disk) == role)
    }
}

/// Whether vmtools made the disk to tell its guest something. Its record names the volumes that it made
/// for this VM; of these only a seed is a raw disk that the guest may not write. A clone's system disk may be
/// raw and recorded as well, but the guest writes to it.
pub(super) fn is_seed(domain: &Domain, disk: &Disk) -> bool {
    disk.device == DiskDevice::Disk
        && disk.read_only
        && disk.format.as_deref() == Some("raw")
        && disk.path.as_deref().is_some_and(|path| domain.owns(path))
}
