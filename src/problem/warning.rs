//! Warnings in words.

use super::{virsh, vmtools, warm};
use crate::manager::{FreezeFault, Setting, Settled, SnapshotLoss, UserDataWarning, Warning};
use crate::model::{SharedFolder, counted};

/// The warning, in one line. One match, so that none is forgotten.
pub fn text(warning: &Warning) -> String {
    use Warning as W;
    match warning {
        W::ColdStart { vm, reason } => {
            format!("{vm} boots instead of starting from a warm state: {}", warm::reason(*reason))
        }
        W::Emulation { reason } => format!(
            "KVM cannot be used ({reason}): the guest is emulated, at least ten times slower; {} shows how to fix it",
            vmtools("doctor")
        ),
        W::Unverified { image } => format!("{image} is not verified: no checksum was given"),
        W::Unchecked { image, reason } => {
            format!("cannot check whether {image} is up to date ({reason}); using the cached image")
        }
        W::ReservationStays { reason } => format!(
            "its address stays reserved ({reason}); {} releases it",
            vmtools("network unreserve").fixed("NETWORK ADDRESS")
        ),
        W::Hung => format!(
            "the QEMU of a VM does not answer: only names and states are known, other values are 0 or empty; {} powers off a VM that hangs",
            vmtools("stop").fixed("NAME").flag("--force")
        ),
        W::MayLetGo { vm, target } => format!(
            "the guest of {vm} was asked to release {target} and may still do so; check with {}",
            vmtools("disk list").arg(vm)
        ),
        W::MayGoOff { vm } => format!("{vm} was asked to shut down and may still do so"),
        W::LeftOff { vm } => {
            format!("{vm} is shut off and was not started again; start it with {}", vmtools("start").arg(vm))
        }
        W::NewVmKept { vm } => {
            format!(
                "the old VM is deleted; the new one is kept as {vm}; inspect it with {}",
                vmtools("status").arg(vm)
            )
        }
        W::PartlySet { vm, done } => format!("{vm}: only these settings were changed: {}", settings(done)),
        W::Hidden { vms } => format!(
            "{}: QEMU does not answer; what the VM uses is known only from its files and command line",
            vms.join(", ")
        ),
        W::CpusMany { wanted, host } => {
            format!("the VM has {wanted} vCPUs, more than this host has ({})", counted((*host).into(), "CPU"))
        }
        W::MemoryShort { wanted, available } => {
            format!("the VM may use {wanted} of memory, but only {available} is free")
        }
        W::DiskShort { wanted, available } => {
            format!("the disk may grow to {wanted}, but only {available} is free")
        }
        W::ClockBehind { vm } => {
            format!("the clock of {vm} is behind: the guest agent did not set it; set it in the guest")
        }
        W::RevertSettled { vm, snapshot, outcome } => reverted(vm, snapshot, *outcome),
        W::NoPasst { reason } => {
            format!("passt cannot be used ({reason}); QEMU's slower slirp is used instead")
        }
        W::NoVirtiofs { folder, reason } => {
            format!("{folder} is shared through 9p, which some guest kernels do not support ({reason})")
        }
        W::NotMounted { vm, folders } => format!(
            "{vm} has no cloud-init to mount its directories; run as root in the guest: {}",
            folders.iter().map(SharedFolder::command).collect::<Vec<_>>().join("; ")
        ),
        W::NoCloudInit { vm } => format!("{vm} has no cloud-init, or it is disabled; ssh answers"),
        W::UserData(warning) => user_data(warning),
        W::SetupLeftOut { vm } => format!(
            "{vm} has no cloud-init: the packages, write_files and runcmd of its template are ignored"
        ),
        W::PasswordIgnored { vm } => format!("{vm} has no cloud-init: its password is not set"),
        W::IdentityKept { vm, ignition } => format!(
            "the guest of {vm} keeps its source's host name, machine-id and ssh host keys ({}); its UUID and MAC \
             addresses are new",
            if *ignition { "Ignition runs only once" } else { "vmtools made no seed for the source" }
        ),
        W::NotFrozen { vm, reason } => {
            format!("{}: the copy is only crash-consistent, as after a power failure", not_frozen(vm, reason))
        }
        W::StillFrozen { vm } => format!(
            "the guest agent of {vm} stopped answering, and its file systems may still be frozen; thaw them with {}",
            virsh("domfsthaw").arg(vm)
        ),
        W::MemoryNotSaved { vm, reason } => {
            format!("the memory of {vm} is not saved ({reason}): the snapshot includes only its disks")
        }
        W::SnapshotNotFrozen { vm, reason } => {
            let why = snapshot_not_frozen(vm, reason);
            format!("{why}: the snapshot is only crash-consistent, as after a power failure")
        }
        W::NotInSnapshot { vm, loss: SnapshotLoss::Firmware } => format!(
            "the snapshot does not include the UEFI variables of {vm}, such as boot entries: they are not in a qcow2 file"
        ),
        W::NotInSnapshot { vm, loss: SnapshotLoss::Tpm } => {
            format!("the snapshot does not include the TPM state of {vm}: only snapshots with memory do")
        }
        W::LeftPaused { vm } => format!(
            "{vm} is paused now, perhaps because its disk is full: free some space, then resume it with {}",
            vmtools("resume").arg(vm)
        ),
        W::TpmLeftOut { vm } => {
            format!("{vm} gets a new, empty TPM: what the TPM of its source has sealed cannot be unsealed")
        }
        W::DisksLeftOut { of, disks } => {
            format!("{of}: only the first disk is used; ignored: {}", disks.join(", "))
        }
        W::ImageUseUnknown { reason } => {
            format!("cannot tell what uses the images or which base images exist: {reason}")
        }
        W::StoppedVms { count } => format!(
            "no VM is running; {} lists those that are shut off ({count})",
            vmtools("list").flag("--all")
        ),
        W::ElsewhereVms { uri, count } => {
            let are = if *count == 1 { "is" } else { "are" };
            let list = vmtools("list").flag("--all").option("--connect", uri);
            format!("{} {are} at {uri}; list them with {list}", counted(*count as u64, "VM"))
        }
    }
}

fn reverted(vm: &str, snapshot: &str, outcome: Settled) -> String {
    let begin = format!("a revert of {vm} to {snapshot} was interrupted");
    match outcome {
        Settled::Reverted => format!("{begin}; it has been completed"),
        Settled::Unchanged => format!("{begin} before it changed anything"),
        Settled::Unknown => format!(
            "{begin}, and {vm} may have been used since, so it is left as it is; revert again with {}",
            vmtools("snapshot revert").arg(vm).arg(snapshot)
        ),
    }
}

fn settings(done: &[Setting]) -> String {
    done.iter().map(|setting| setting.name()).collect::<Vec<_>>().join(", ")
}

/// Why the file systems of a VM were not frozen.
fn not_frozen(vm: &str, reason: &FreezeFault) -> String {
    match reason {
        FreezeFault::NoAgent => format!("the guest agent of {vm} does not answer"),
        FreezeFault::Failed { reason } => format!("the file systems of {vm} were not frozen ({reason})"),
        FreezeFault::TooShort { at_most } => format!(
            "the copy did not start within {}, the time limit for freezing the file systems of {vm}",
            humantime::format_duration(*at_most)
        ),
    }
}

/// The same of a snapshot.
fn snapshot_not_frozen(vm: &str, reason: &FreezeFault) -> String {
    match reason {
        FreezeFault::TooShort { at_most } => format!(
            "the file systems of {vm} were thawed after {}, before the snapshot was complete",
            humantime::format_duration(*at_most)
        ),
        other => not_frozen(vm, other),
    }
}

fn user_data(warning: &UserDataWarning) -> String {
    use UserDataWarning as W;
    match warning {
        W::UnknownKey { key, line, nearest } => {
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            let meant = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
            format!("the user-data{line}: cloud-init does not know `{key}` and ignores it{meant}")
        }
        W::UnknownPart { number, content_type } => {
            format!("the user-data: cloud-init ignores part {number}, since it does not know {content_type}")
        }
        W::NoInterpreter { number } => {
            format!("the user-data: part {number} is a script without `#!INTERPRETER`, and will not run")
        }
        W::BrokenBoundary { line } => {
            format!(
                "the user-data, line {line}: a boundary starts with `--`; this one is read as content of its part"
            )
        }
        W::TextBehindParts { line } => {
            format!("the user-data, line {line}: cloud-init ignores everything after the last boundary")
        }
        W::SshdConfig { user, path, directive } => {
            format!(
                "{directive} in {path} may lock out {user}, the user that vmtools logs in as (--user NAME)"
            )
        }
        W::Shell { user, shell } => {
            format!("{user}, the user that vmtools logs in as (--user NAME), gets the shell {shell}")
        }
        W::PasswordExpires { user } => {
            format!(
                "the password of {user} expires immediately (chpasswd.expire): ssh commands fail until it is changed"
            )
        }
    }
}
