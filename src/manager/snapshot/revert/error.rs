use crate::model::VmState;

/// Why a VM was not reverted to a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum RevertError {
    /// libvirt has saved the VM's memory, and would go on with it on disks that do not belong to it.
    #[error("the VM {vm} has a saved state, which a revert discards")]
    Saved {
        /// The VM.
        vm: String,
    },
    /// The snapshot is libvirt's alone, or in the disks alone, or not finished.
    #[error("the snapshot {name} of the VM {vm} is incomplete")]
    Incomplete {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// A disk that should have the snapshot does not.
    #[error("the disk {target} of the VM {vm} does not contain the snapshot {name}")]
    NotInDisk {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
        /// The disk's device.
        target: String,
    },
    /// The guest would write to a disk that stays as it is now, beside others that are as they were.
    #[error("the snapshot {name} of the VM {vm} does not include the disk {target}")]
    DiskLeftOut {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
        /// The disk's device.
        target: String,
        /// Whether the VM has got the disk since.
        is_new: bool,
    },
    /// What an incremental backup needs to know stands in a disk that this user may not write to.
    #[error("the disk {path} has the bitmap {bitmap} of a backup, which must be removed first")]
    Bitmap {
        /// The disk.
        path: String,
        /// The bitmap's name.
        bitmap: String,
    },
    /// libvirt did not revert it.
    #[error("the VM {vm} was not reverted to the snapshot {name}, and is {}", .state.in_words())]
    Failed {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
        /// What the VM does now.
        state: VmState,
        /// Why.
        #[source]
        source: crate::libvirt::Error,
    },
}
