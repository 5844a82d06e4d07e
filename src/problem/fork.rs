//! The errors of forks.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::{ForkError, ForkObstacle};

pub(super) fn advice(error: &ForkError) -> Advice {
    use ForkError as E;
    match error {
        E::NotPossible { name, reason } => obstacle(name, reason),
        E::NotPrepared { .. } => {
            (K::Incapable, hint("the guest needs Python 3, and a user who can use sudo without a password"))
        }
        E::State { name, .. } => (K::Failed, copy_disks(name)),
        E::Identity { .. } => (
            K::Failed,
            hint("the fork was destroyed, since it would have been a second machine of the same identity"),
        ),
        E::InterfaceStays { name } => (K::Timeout, copy_disks(name)),
    }
}

fn obstacle(name: &str, reason: &ForkObstacle) -> Advice {
    use ForkObstacle as O;
    match reason {
        O::NotPermitted => {
            (K::Denied, hint("its memory is kept there while it is copied; try again with sudo"))
        }
        O::Changed { .. } | O::ChangedOtherwise => (
            K::WrongState,
            hint(format_args!("restart it with {}, and the changes apply", vmtools("restart").arg(name))),
        ),
        O::NoAccess => {
            (K::Incapable, hint("a fork needs a new identity: install qemu-guest-agent in the guest"))
        }
        O::NoPython => (K::Incapable, hint("a fork needs a new identity: install python3 in the guest")),
        O::RemoteHost | O::StoragePool | O::Mounts | O::Tpm | O::Disk { .. } => {
            (K::Incapable, copy_disks(name))
        }
    }
}

fn copy_disks(name: &str) -> Option<String> {
    let clone = vmtools("clone").arg(name).fixed("COPY").flag("--live");
    hint(format_args!("copy its disks without its memory: {clone}"))
}
