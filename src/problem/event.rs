//! What goes on during an operation, in words.

use crate::manager::{Already, Step, WaitObservation};

/// A step as it begins, to be put behind the name of its VM or image.
pub fn step(step: Step) -> &'static str {
    match step {
        Step::ReplaceVm => "deleting the existing VM",
        Step::ClaimName => "claiming the name",
        Step::MakeDisks => "creating disks",
        Step::CopyDisks => "copying disks",
        Step::CopyRunningDisks => "copying the disks of the running VM",
        Step::UploadBase => "copying to the storage pool",
        Step::AwaitUpload => "waiting for another process that is copying it",
        Step::FlattenDisk => "copying the disk into one file",
        Step::FetchCopy => "downloading the copy",
        Step::Start => "starting",
        Step::PrepareGuest => "preparing the guest",
        Step::SaveState => "saving its running state",
        Step::MergeOverlays => "merging what was written meanwhile",
        Step::GiveIdentity => "giving the guest its identity",
        Step::SnapshotMemory => "saving memory and disks",
        Step::SnapshotDisks => "creating a snapshot of the disks",
        Step::ConvertNvram => "converting the UEFI variables to qcow2",
        Step::Revert => "reverting to the snapshot",
        Step::DeleteSnapshot => "deleting a snapshot",
    }
}

/// That there was nothing to do.
pub fn already(name: &str, what: Already) -> String {
    let what = match what {
        Already::Running => "is already running",
        Already::ShutOff => "is already shut off",
        Already::Paused => "is already paused",
        Already::Named => "already has that name",
        Already::Protected => "is already protected",
        Already::Unprotected => "is not protected",
        Already::QmpEnabled => "already has a QMP socket",
        Already::Attached => "already has an interface there; --mac adds another",
        Already::AddressReserved => "already has that address reserved",
        Already::NoReservation => "has no reserved address there",
        Already::Active => "is already active",
        Already::Inactive => "is already inactive",
        Already::Autostarted => "already has autostart enabled",
        Already::NotAutostarted => "already has autostart disabled",
        Already::RemovedOnNextStart => "will already be removed at the VM's next start",
        Already::Set => "already has these settings",
        Already::OfThatSize => "already has that size",
        Already::UpToDate => "is up to date",
    };
    format!("{name} {what}")
}

/// What a wait sees.
pub fn seen(seen: &WaitObservation) -> String {
    match seen {
        WaitObservation::Nothing => "nothing yet".to_owned(),
        WaitObservation::State(state) => format!("the VM is {state}"),
        WaitObservation::NoAddress => "no address".to_owned(),
        WaitObservation::NoAnswer(socket) => format!("{socket} does not answer"),
        WaitObservation::CloudInit { detail } => format!("cloud-init is running: {detail}"),
        WaitObservation::NoAccess { agent } => format!("ssh accepts no key of this user, and {agent}"),
        WaitObservation::Error(error) => error.clone(),
    }
}
