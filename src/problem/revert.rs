//! The errors of reverts to snapshots.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::RevertError;

pub(super) fn advice(error: &RevertError) -> Advice {
    use RevertError as E;
    match error {
        E::Saved { vm } => (
            K::WrongState,
            hint(format_args!(
                "revert with --discard-saved, or resume the VM from the saved state with {}",
                vmtools("start").arg(vm)
            )),
        ),
        E::Incomplete { vm, name } => (
            K::WrongState,
            hint(format_args!(
                "creating it was interrupted; delete it with {}",
                vmtools("snapshot delete").arg(vm).arg(name)
            )),
        ),
        E::NotInDisk { vm, name, .. } => (
            K::Integrity,
            hint(format_args!(
                "the disk was replaced, or the snapshot was deleted by other means; delete what is left of it with {}",
                vmtools("snapshot delete").arg(vm).arg(name)
            )),
        ),
        E::DiskLeftOut { vm, target, is_new: true, .. } => (
            K::WrongState,
            hint(format_args!(
                "use --config then, which detaches the disk and keeps its file, or remove it first with {}",
                vmtools("disk remove").arg(vm).arg(target)
            )),
        ),
        E::DiskLeftOut { vm, .. } => (
            K::Incapable,
            hint(format_args!(
                "reverting only the other disks would leave the guest inconsistent; {} lists other snapshots",
                vmtools("snapshot list").arg(vm)
            )),
        ),
        E::Bitmap { path, bitmap } => (
            K::Denied,
            hint(format_args!(
                "remove it as root with {}",
                super::command("qemu-img bitmap --remove").arg(path).arg(bitmap)
            )),
        ),
        E::Failed { vm, name, .. } => (
            K::Failed,
            hint(format_args!(
                "its disks may be partly reverted; revert again with {}",
                vmtools("snapshot revert").arg(vm).arg(name)
            )),
        ),
    }
}
