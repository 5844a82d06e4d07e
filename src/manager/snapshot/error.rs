use std::time::Duration;

use crate::libvirt::Version;
use crate::manager::FreezeFault;
use crate::model::{DiskSize, VmState};

/// Why a snapshot was not made, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The VM has none of that name.
    #[error("the VM {vm} has no snapshot {name:?}")]
    NotFound {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
        /// Names that exist and look like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The name is taken.
    #[error("the VM {vm} already has a snapshot named {name}")]
    Exists {
        /// The VM.
        vm: String,
        /// The name.
        name: String,
    },
    /// A disk has one of that name that libvirt does not know of. QEMU would take either for the other.
    #[error(
        "the disk {target} of the VM {vm} already contains a snapshot named {name}, which libvirt does not know about"
    )]
    ExistsInDisk {
        /// The VM.
        vm: String,
        /// The disk's device.
        target: String,
        /// The name.
        name: String,
    },
    /// The VM has external snapshots, and kinds that are mixed can't be deleted or reverted to any more.
    #[error("the VM {vm} has external snapshots: {}", .snapshots.join(", "))]
    External {
        /// The VM.
        vm: String,
        /// Their names.
        snapshots: Vec<String>,
    },
    /// libvirt is at a job on the VM, such as a backup.
    #[error("another operation is in progress on the VM {vm}")]
    JobRunning {
        /// The VM.
        vm: String,
    },
    /// Another process is making a snapshot of that name.
    #[error("the snapshot {name} of the VM {vm} is being created by another process")]
    BeingMade {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// Disks that the guest writes to can't have one.
    #[error("these disks of the VM {vm} do not support snapshots: {}", in_words(.disks))]
    Disks {
        /// The VM.
        vm: String,
        /// Which, by their devices, and why not.
        disks: Vec<(String, DiskObstacle)>,
    },
    /// The VM has no disk that could have one.
    #[error("the VM {vm} has no disk that supports snapshots")]
    NoDisk {
        /// The VM.
        vm: String,
    },
    /// Its firmware's variables are in a raw file, which has no snapshots; of a running VM libvirt makes none then.
    #[error("the UEFI variables of the running VM {vm} are not in a qcow2 file")]
    Firmware {
        /// The VM.
        vm: String,
    },
    /// It has UEFI, of which the host's libvirt makes no snapshot, or none while it runs.
    #[error("snapshots of a {}VM with UEFI need libvirt {needed}; this is {found}", if *.is_active { "running " } else { "" })]
    FirmwareVersion {
        /// The VM.
        vm: String,
        /// Whether it runs.
        is_active: bool,
        /// Whether one that is shut off can have them.
        works_off: bool,
        /// The first version that does.
        needed: Version,
        /// The host's.
        found: Version,
    },
    /// Its memory can't be saved.
    #[error("the memory of the VM {vm} cannot be saved")]
    Memory {
        /// The VM.
        vm: String,
        /// Why not.
        #[source]
        reason: MemoryObstacle,
    },
    /// The host's disk was full before all of the memory was written.
    #[error(
        "the disk became full while the memory of the VM {vm} was saved: {available} is free beside {path}"
    )]
    DiskFull {
        /// The VM.
        vm: String,
        /// The disk that was to get it.
        path: String,
        /// What is free.
        available: DiskSize,
        /// What QEMU says.
        #[source]
        source: crate::libvirt::Error,
    },
    /// What runs is not what its next start makes, which a snapshot of the disks is for.
    #[error("the configured disks of the VM {vm} have changed since it started")]
    ChangedSinceStart {
        /// The VM.
        vm: String,
    },
    /// The VM does something in which it can have none.
    #[error("the VM {vm} is {}", .state.in_words())]
    State {
        /// The VM.
        vm: String,
        /// What it does.
        state: VmState,
    },
    /// The guest's file systems were to be frozen, and were not.
    #[error("the file systems of the VM {vm} were not frozen: {}", why_not_frozen(.reason))]
    NotFrozen {
        /// The VM.
        vm: String,
        /// Why not.
        reason: FreezeFault,
    },
    /// Snapshots that are pinned were to be deleted.
    #[error("these snapshots of the VM {vm} are pinned: {}", .snapshots.join(", "))]
    Pinned {
        /// The VM.
        vm: String,
        /// Their names.
        snapshots: Vec<String>,
    },
    /// One that was to be deleted is another by now, or was pinned meanwhile.
    #[error("the snapshot {name} of the VM {vm} was pinned or replaced in the meantime")]
    Changed {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// Nothing was to be changed that libvirt has a place for: it does not know of the snapshot.
    #[error("the snapshot {name} of the VM {vm} exists only in its disks: libvirt does not know about it")]
    NotRecorded {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
}

/// Why a disk can't have a snapshot in its own file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiskObstacle {
    /// Its format has none.
    #[error("{format} image")]
    Format {
        /// Such as `raw`.
        format: String,
    },
    /// It is no file.
    #[error("not a local file: {source_name}")]
    NotAFile {
        /// What it is.
        source_name: String,
    },
    /// Other VMs write to it, too.
    #[error("shared with other VMs")]
    Shared,
}

/// Why a running VM's memory is not a part of its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryObstacle {
    /// It shares host directories, whose state is the host's.
    #[error("it mounts host directories")]
    Mounts,
    /// It has a device of the host's.
    #[error("it uses a host device")]
    HostDevice,
    /// The guest would be held for too long.
    #[error("saving it would pause the guest for about {}", humantime::format_duration(*.hold))]
    Hold {
        /// For how long, at a guess.
        hold: Duration,
    },
    /// There is not enough space for it.
    #[error("saving it may take {needed}, but only {available} is free beside {path}")]
    Space {
        /// What it takes at most.
        needed: DiskSize,
        /// What is free.
        available: DiskSize,
        /// The disk that gets it.
        path: String,
    },
}

fn why_not_frozen(reason: &FreezeFault) -> String {
    match reason {
        FreezeFault::NoAgent => "the guest agent does not answer".to_owned(),
        FreezeFault::Failed { reason } => reason.clone(),
        FreezeFault::TooShort { at_most } => {
            format!(
                "they were thawed after {}, before the snapshot was complete",
                humantime::format_duration(*at_most)
            )
        }
    }
}

fn in_words(disks: &[(String, DiskObstacle)]) -> String {
    let each: Vec<String> = disks.iter().map(|(target, why)| format!("{target} ({why})")).collect();
    each.join(", ")
}
