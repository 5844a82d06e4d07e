use std::time::Duration;

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
    /// All names of disks are taken.
    #[error("the VM {name} has as many disks as it can have")]
    TooManyDisks {
        /// The VM.
        name: String,
    },
    /// The VM can't do without the disk.
    #[error("the VM {name} boots from its disk {target}, or is set up by it")]
    NeededDisk {
        /// The VM.
        name: String,
        /// The device.
        target: String,
    },
    /// The guest does not let go of a disk.
    #[error("the guest {name} has not let go of {target} within {}", humantime::format_duration(*.timeout))]
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
}
