/// A part of an operation that takes a while, as it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Deletes the VM whose name and place the new one takes.
    ReplaceVm,
    /// Claims the VM's name, by defining it.
    ClaimName,
    /// Creates the VM's disks.
    MakeDisks,
    /// Copies the disks of a VM that is shut off.
    CopyDisks,
    /// Copies the disks of a running VM, as of one moment.
    CopyRunningDisks,
    /// Copies an image into a storage pool, where VMs' disks can be based on it.
    UploadBase,
    /// Waits for another process that copies the same image there.
    AwaitUpload,
    /// Copies a disk with all that it is based on into one file.
    FlattenDisk,
    /// Fetches such a copy from the storage pool.
    FetchCopy,
    /// Starts the VM.
    Start,
    /// Prepares a guest for having its running state copied.
    PrepareGuest,
    /// Saves a running VM's state, to start others from it.
    SaveState,
    /// Merges what a running VM has written meanwhile into its disks.
    MergeOverlays,
    /// Gives a guest that was copied while it ran an identity of its own.
    GiveIdentity,
    /// Saves a running VM's memory and disks as a snapshot.
    SnapshotMemory,
    /// Makes a snapshot of a VM's disks.
    SnapshotDisks,
    /// Makes a qcow2 of a VM's UEFI variables.
    ConvertNvram,
    /// Brings a VM back to a snapshot.
    Revert,
    /// Deletes a snapshot.
    DeleteSnapshot,
}
