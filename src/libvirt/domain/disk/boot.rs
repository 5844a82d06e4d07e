use super::Disk;
use super::role::is_seed;
use crate::libvirt::domain::Domain;

impl Domain {
    /// The hard disk that the machine boots from.
    ///
    /// Where the definition orders single devices (`<boot order>`), it is the first hard disk in that order:
    /// a CD-ROM or a network interface before it is passed over as soon as it has nothing to boot. Else libvirt
    /// marks the first hard disk for QEMU (`<os><boot dev='hd'/>`, `qemuProcessPrepareDeviceBootorder`); it
    /// keeps disks in the order in which it prints them. A seed of vmtools has nothing to boot.
    pub fn boot_disk(&self) -> Option<&Disk> {
        let candidates = || self.disks.iter().filter(|disk| disk.is_hard_disk() && !is_seed(self, disk));
        let ordered = candidates().filter(|disk| disk.boot_order.is_some());
        ordered.min_by_key(|disk| disk.boot_order).or_else(|| candidates().next())
    }
}
