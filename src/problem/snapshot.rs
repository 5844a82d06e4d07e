//! The errors of snapshots.

use super::{Advice, Command, ErrorKind as K, did_you_mean, hint, virsh, vmtools};
use crate::manager::{FreezeFault, MemoryObstacle, SnapshotError};
use crate::model::VmState;

pub(super) fn advice(error: &SnapshotError) -> Advice {
    use SnapshotError as E;
    match error {
        E::NotFound { vm, nearest, .. } => {
            (K::NotFound, hint(format_args!("{}{} lists its snapshots", did_you_mean(nearest), list(vm))))
        }
        E::Exists { vm, name } | E::ExistsInDisk { vm, name, .. } => (
            K::Exists,
            hint(format_args!("choose another name with --name, or delete it with {}", delete(vm, [name]))),
        ),
        E::Disks { vm, .. } => (
            K::Incapable,
            hint(format_args!(
                "snapshots require qcow2 files; {} creates a copy of the VM instead",
                vmtools("clone").arg(vm).fixed("COPY")
            )),
        ),
        E::NoDisk { vm } => (
            K::Incapable,
            hint(format_args!(
                "snapshots require a writable qcow2 disk; add one with {}",
                vmtools("disk add").arg(vm).fixed("SIZE")
            )),
        ),
        E::Firmware { vm } => (
            K::Incapable,
            hint(format_args!(
                "shut it down with {}; then {} offers to convert them",
                vmtools("stop").arg(vm),
                vmtools("snapshot create").arg(vm)
            )),
        ),
        E::FirmwareVersion { .. } => (K::Incapable, firmware_version(error)),
        E::Memory { vm, reason } => memory(vm, reason),
        E::DiskFull { vm, .. } => (
            K::Failed,
            hint(format_args!(
                "free some space ({} shows what can be removed), or keep its disks only: {}",
                vmtools("gc").flag("--dry-run"),
                vmtools("snapshot create").arg(vm).flag("--no-memory")
            )),
        ),
        E::NotFrozen { reason, .. } => not_frozen(reason),
        E::External { .. }
        | E::JobRunning { .. }
        | E::BeingMade { .. }
        | E::ChangedSinceStart { .. }
        | E::State { .. }
        | E::Pinned { .. }
        | E::Changed { .. }
        | E::NotRecorded { .. } => (K::WrongState, other_state(error)),
    }
}

/// What brings the VM or the snapshot into another state.
fn other_state(error: &SnapshotError) -> Option<String> {
    use SnapshotError as E;
    match error {
        E::External { vm, snapshots } => hint(format_args!(
            "libvirt cannot handle internal and external snapshots side by side; delete the external ones first with {}",
            delete(vm, snapshots)
        )),
        E::JobRunning { vm } => {
            hint(format_args!("wait until it finishes; {} shows its progress", virsh("domjobinfo").arg(vm)))
        }
        E::BeingMade { .. } => hint(format_args!(
            "wait until it is complete; if the other process was killed, {} removes the unfinished snapshot",
            vmtools("gc")
        )),
        E::ChangedSinceStart { vm } => {
            hint(format_args!("apply the changes with {}", vmtools("restart").arg(vm)))
        }
        E::State { vm, state: VmState::Suspended } => {
            hint(format_args!("wake it up with {}", vmtools("resume").arg(vm)))
        }
        E::State { vm, .. } => {
            hint(format_args!("power it off with {}", vmtools("stop").arg(vm).flag("--force")))
        }
        E::Pinned { vm, snapshots } => hint(format_args!(
            "unpin them with {}, or delete them with --force",
            vmtools("snapshot set").arg(vm).args(snapshots).flag("--unpin")
        )),
        E::Changed { vm, name } => {
            hint(format_args!("check it with {}, then try again", vmtools("snapshot show").arg(vm).arg(name)))
        }
        E::NotRecorded { vm, name } => {
            hint(format_args!("it can only be deleted, with {}", delete(vm, [name])))
        }
        _ => None,
    }
}

/// What can be done without another libvirt.
fn firmware_version(error: &SnapshotError) -> Option<String> {
    match error {
        SnapshotError::FirmwareVersion { vm, works_off: true, .. } => hint(format_args!(
            "stop it with {}: while it is shut off it can have snapshots",
            vmtools("stop").arg(vm)
        )),
        SnapshotError::FirmwareVersion { vm, .. } => {
            hint(format_args!("{} makes a copy of the VM instead", vmtools("clone").arg(vm).fixed("COPY")))
        }
        _ => None,
    }
}

fn list(vm: &str) -> Command {
    vmtools("snapshot list").arg(vm)
}

fn delete<T: std::fmt::Display>(vm: &str, names: impl IntoIterator<Item = T>) -> Command {
    vmtools("snapshot delete").arg(vm).args(names)
}

fn memory(vm: &str, reason: &MemoryObstacle) -> Advice {
    let without = vmtools("snapshot create").arg(vm).flag("--no-memory");
    let kind = match reason {
        MemoryObstacle::Space { .. } => K::Failed,
        MemoryObstacle::Mounts | MemoryObstacle::HostDevice | MemoryObstacle::Hold { .. } => K::Incapable,
    };
    (kind, hint(format_args!("save only its disks with {without}")))
}

fn not_frozen(reason: &FreezeFault) -> Advice {
    match reason {
        FreezeFault::NoAgent => {
            (K::Incapable, hint("install and start qemu-guest-agent in the guest, or use --quiesce auto"))
        }
        FreezeFault::Failed { .. } => (
            K::Incapable,
            hint("use --quiesce auto to create the snapshot anyway, or --quiesce no not to freeze them"),
        ),
        FreezeFault::TooShort { .. } => {
            (K::Timeout, hint("try again when the guest is less busy, or use --quiesce auto"))
        }
    }
}
