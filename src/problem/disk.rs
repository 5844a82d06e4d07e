//! The errors of disks and drives.

use super::{Advice, ErrorKind as K, hint, option, to_flag, vmtools};
use crate::manager::DiskError;

pub(super) fn advice(error: &DiskError) -> Advice {
    use DiskError as E;
    match error {
        E::NoSuchDisk { name, .. } | E::Replaced { name, .. } => (K::NotFound, list(name)),
        E::NotADisk { name, .. } | E::NotADrive { name, .. } | E::Seed { name, .. } => {
            (K::NotFound, list(name))
        }
        E::NotHotPluggable { name, .. } => (
            K::WrongState,
            hint(format_args!(
                "shut it down with {}; with --keep, the disk is removed at the VM's next start and its file is kept",
                vmtools("stop").arg(name)
            )),
        ),
        E::TooManyDisks { name } => (
            K::Failed,
            hint(format_args!("remove one first with {}", vmtools("disk remove").arg(name).fixed("DISK"))),
        ),
        E::NeededDisk { name, .. } => {
            (K::Usage, hint(format_args!("{} deletes the VM and its disks", vmtools("delete").arg(name))))
        }
        E::StillAttached { name, .. } => (
            K::Timeout,
            hint(format_args!(
                "unmount it in the guest and try again, or shut the VM down with {}; the disk may still be detached",
                vmtools("stop").arg(name)
            )),
        ),
        E::NoDrive { name } => (
            K::WrongState,
            hint(format_args!(
                "{} adds one at the VM's next start",
                vmtools("disk insert").arg(name).fixed("ISO")
            )),
        ),
        E::WhichDrive { targets, .. } => {
            let first = targets.first().map_or("sda", String::as_str);
            (K::Usage, hint(format_args!("specify one, for example {}", option("--target", first))))
        }
        E::WouldShrink { has, .. } => {
            (K::Integrity, hint(format_args!("a disk can only grow: specify {} or more", to_flag(*has))))
        }
        E::SizeUnknown { .. } => (K::Failed, hint("check that the file exists and that libvirt can read it")),
        E::NoDisk { .. } | E::Elsewhere { .. } | E::NotCopyable { .. } => (K::Incapable, None),
        E::FileMissing { .. } => (K::NotFound, hint("restore the file if it was moved or deleted")),
    }
}

fn list(vm: &str) -> Option<String> {
    hint(format_args!("{} lists its disks", vmtools("disk list").arg(vm)))
}
