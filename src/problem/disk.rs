//! The errors of disks and drives.

use super::{Advice, ErrorKind as K};
use crate::manager::DiskError;

pub(super) fn advice(error: &DiskError) -> Advice {
    use DiskError as E;
    match error {
        E::NoSuchDisk { name, .. } => (K::NotFound, Some(format!("vmtools disk list {name}"))),
        E::TooManyDisks { name } => (K::Failed, Some(format!("vmtools disk list {name}"))),
        E::NeededDisk { name, .. } => {
            (K::Usage, Some(format!("vmtools delete {name} removes the VM with it")))
        }
        E::StillAttached { name, .. } => (
            K::Timeout,
            Some(format!(
                "unmount it in the guest and try again, or after `vmtools stop {name}`; it may still go"
            )),
        ),
        E::NoDrive { name } => (
            K::WrongState,
            Some(format!("vmtools disk insert {name} ISO gives it one, from its next start on")),
        ),
        E::WhichDrive { targets, .. } => {
            (K::Usage, Some(format!("say which: --target {}", targets.first().map_or("sda", String::as_str))))
        }
    }
}
