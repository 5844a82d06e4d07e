use crate::manager::{
    ColdReason, FreezeFault, KvmFault, MemoryObstacle, PasstFault, Setting, Settled, VirtiofsFault,
};
use crate::model::{ConnectionUri, DiskSize, MemorySize, SharedFolder};
use crate::seed::UserDataWarning;

/// Something that doesn't stop the verb, but that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A VM was booted though a warm start was asked for.
    ColdStart {
        /// The VM.
        vm: String,
        /// Why.
        reason: ColdReason,
    },
    /// KVM can't be used; the guest is emulated, ten times slower or more.
    Emulation {
        /// Why KVM can't be used.
        reason: KvmFault,
    },
    /// Nobody vouches for the image.
    Unverified {
        /// The image.
        image: String,
    },
    /// The image in the cache may be an old one.
    Unchecked {
        /// The image.
        image: String,
        /// Why nobody could be asked, in the words of the error.
        reason: String,
    },
    /// An address is still kept for a VM that is gone.
    ReservationStays {
        /// Why, in the words of the error.
        reason: String,
    },
    /// Some VM's QEMU doesn't answer libvirt.
    Hung,
    /// A guest was asked to release a disk, and nobody waits for it any more.
    MayLetGo {
        /// The VM.
        vm: String,
        /// The disk's device.
        target: String,
    },
    /// A guest was asked to shut down, and nobody waits for it any more.
    MayGoOff {
        /// The VM.
        vm: String,
    },
    /// A VM that was to be restarted is shut off, and is not started any more.
    LeftOff {
        /// The VM.
        vm: String,
    },
    /// The VM that was to be replaced is gone, and the new one stays though it is not all that was asked for.
    NewVmKept {
        /// The new VM.
        vm: String,
    },
    /// Not all was changed that was to be, but this.
    PartlySet {
        /// The VM.
        vm: String,
        /// What was changed.
        done: Vec<Setting>,
    },
    /// The QEMUs of these VMs hang, and what they use is known only as far as files and processes tell.
    Hidden {
        /// The VMs.
        vms: Vec<String>,
    },
    /// The VM has more vCPUs than the host.
    CpusMany {
        /// Its vCPUs.
        wanted: u32,
        /// The host's.
        host: u32,
    },
    /// The VM may use more memory than is free.
    MemoryShort {
        /// What it may use.
        wanted: MemorySize,
        /// What is free.
        available: MemorySize,
    },
    /// The disk may grow to more than there is room.
    DiskShort {
        /// What it may grow to.
        wanted: DiskSize,
        /// The room in its pool.
        available: DiskSize,
    },
    /// The guest has no user-mode network by passt.
    NoPasst {
        /// Why.
        reason: PasstFault,
    },
    /// A directory goes to the guest by 9p.
    NoVirtiofs {
        /// The directory of the host.
        folder: String,
        /// Why not by virtiofs.
        reason: VirtiofsFault,
    },
    /// Nothing in the guest mounts the directories that it was given.
    NotMounted {
        /// The VM.
        vm: String,
        /// The directories.
        folders: Vec<SharedFolder>,
    },
    /// The image has no cloud-init, or it is switched off; what it should have done is not done.
    NoCloudInit {
        /// The VM.
        vm: String,
    },
    /// Something in the user-data that cloud-init will pass over, or that may keep vmtools out.
    UserData(UserDataWarning),
    /// The VM gets no seed, so what its template would have cloud-init do is left out.
    SetupLeftOut {
        /// The VM.
        vm: String,
    },
    /// The VM gets neither a seed nor an Ignition configuration, so its user gets no password.
    PasswordIgnored {
        /// The VM.
        vm: String,
    },
    /// Nothing tells the clone's guest that it is another one.
    IdentityKept {
        /// The clone.
        vm: String,
        /// Whether its source was set up by Ignition, which does so once.
        ignition: bool,
    },
    /// The file systems of a running VM were not frozen while its disks were copied.
    NotFrozen {
        /// The VM.
        vm: String,
        /// Why.
        reason: FreezeFault,
    },
    /// The agent of a running VM doesn't answer any more, and its file systems may still be frozen.
    StillFrozen {
        /// The VM.
        vm: String,
    },
    /// A snapshot is of the disks alone, though the VM runs.
    MemoryNotSaved {
        /// The VM.
        vm: String,
        /// Why.
        reason: MemoryObstacle,
    },
    /// The guest's file systems were not frozen while its disks were kept.
    SnapshotNotFrozen {
        /// The VM.
        vm: String,
        /// Why.
        reason: FreezeFault,
    },
    /// A part of the VM is not in its snapshot.
    NotInSnapshot {
        /// The VM.
        vm: String,
        /// The part.
        loss: SnapshotLoss,
    },
    /// A VM ran before a snapshot failed, and is paused now.
    LeftPaused {
        /// The VM.
        vm: String,
    },
    /// A guest goes on at the time at which its memory was saved.
    ClockBehind {
        /// The VM.
        vm: String,
    },
    /// A revert that was cut off is over.
    RevertSettled {
        /// The VM.
        vm: String,
        /// The snapshot.
        snapshot: String,
        /// What came of it.
        outcome: Settled,
    },
    /// A clone gets a new TPM, with nothing in it.
    TpmLeftOut {
        /// The clone.
        vm: String,
    },
    /// Only the first of several disks is taken.
    DisksLeftOut {
        /// The VM or image.
        of: String,
        /// The others' names.
        disks: Vec<String>,
    },
    /// libvirt can't be asked what uses the images.
    ImageUseUnknown {
        /// Why, in the words of the error.
        reason: String,
    },
    /// No VM runs, but there are some that are shut off.
    StoppedVms {
        /// How many.
        count: usize,
    },
    /// This connection has no VMs, but another has.
    ElsewhereVms {
        /// The other connection.
        uri: ConnectionUri,
        /// How many VMs it has.
        count: usize,
    },
}

/// A part of a VM that a snapshot can leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotLoss {
    /// The firmware's variables: they are in a raw file.
    Firmware,
    /// What its TPM has: it is in no disk.
    Tpm,
}
