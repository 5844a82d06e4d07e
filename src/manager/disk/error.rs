use std::path::PathBuf;
use std::time::Duration;

use crate::libvirt::DiskDevice;
use crate::model::DiskSize;

/// Why a VM's disks or drives were not changed.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The VM has no disk or drive of that name.
    #[error("the VM {name} has no disk {target}")]
    NoSuchDisk {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// The disk that was to be removed is gone, and another has its name.
    #[error("{target} of the VM {name} is now another disk")]
    Replaced {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// A drive was named where only a hard disk will do.
    #[error("{target} of the VM {name} is {}, not a disk", device_noun(*.device))]
    NotADisk {
        /// The VM.
        name: String,
        /// The device.
        target: String,
        /// What it is.
        device: DiskDevice,
    },
    /// The seed was named where only a disk of the guest's will do.
    #[error("{target} of the VM {name} is the seed that configures the guest, not a disk to resize")]
    Seed {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// A disk was named where only a CD-ROM drive will do.
    #[error("{target} of the VM {name} is {}, not a CD-ROM drive", device_noun(*.device))]
    NotADrive {
        /// The VM.
        name: String,
        /// The device.
        target: String,
        /// What it is.
        device: DiskDevice,
    },
    /// A file that is to be deleted stays in use as long as the VM runs: no guest can release a disk of that bus.
    #[error("the VM {name} cannot release its disk {target} while it runs")]
    NotHotPluggable {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// All names of disks are taken.
    #[error("the VM {name} already has the maximum number of disks")]
    TooManyDisks {
        /// The VM.
        name: String,
    },
    /// The VM can't do without the disk.
    #[error("the VM {name} boots from its disk {target}, or is configured by it")]
    NeededDisk {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// The guest does not release a disk.
    #[error("the guest of {name} did not release {target} within {}", humantime::format_duration(*.timeout))]
    StillAttached {
        /// The VM.
        name: String,
        /// The device.
        target: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// The VM has no CD-ROM drive.
    #[error("the VM {name} has no CD-ROM drive")]
    NoDrive {
        /// The VM.
        name: String,
    },
    /// Several drives could be meant.
    #[error("the VM {name} has several CD-ROM drives: {}", .targets.join(", "))]
    WhichDrive {
        /// The VM.
        name: String,
        /// Their devices.
        targets: Vec<String>,
    },
    /// A disk is not made smaller.
    #[error("shrinking {path} from {has} to {wanted} would lose data")]
    WouldShrink {
        /// The disk.
        path: String,
        /// Its size.
        has: DiskSize,
        /// What was asked for.
        wanted: DiskSize,
    },
    /// libvirt doesn't tell how large a disk is.
    #[error("the size of {path} is unknown")]
    SizeUnknown {
        /// The disk.
        path: String,
    },
    /// The VM has no hard disk, or none that could hold its system.
    #[error("the VM {name} has no hard disk")]
    NoDisk {
        /// The VM.
        name: String,
    },
    /// A disk's data is in no file or block device of the host.
    #[error("the disk {disk} of the VM {name} is not a file of the host: it is {source_name}")]
    Elsewhere {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// What it is.
        source_name: String,
    },
    /// A file of a disk is missing.
    #[error("the disk {disk} of the VM {name} needs {}, which does not exist", .path.display())]
    FileMissing {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// The disk's own file, or one below it.
        path: PathBuf,
    },
    /// A disk is of a kind that can't be copied.
    #[error("the disk {disk} of the VM {name} cannot be copied")]
    NotCopyable {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// Why.
        #[source]
        reason: CopyObstacle,
    },
}

/// What a person calls the device, with its article.
fn device_noun(device: DiskDevice) -> &'static str {
    match device {
        DiskDevice::Disk | DiskDevice::Lun => "a hard disk",
        DiskDevice::Cdrom => "a CD-ROM drive",
        DiskDevice::Floppy => "a floppy drive",
    }
}

/// Why a disk can't be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CopyObstacle {
    /// It would be written out in clear.
    #[error("it is encrypted, and only libvirt knows its key")]
    Encrypted,
    /// libvirt can't tell its size.
    #[error("libvirt does not know its size")]
    SizeUnknown,
}
