//! The errors of VMs' files and storage pools.

use std::path::Path;

use super::{Advice, ErrorKind as K, hint, virsh, vmtools};
use crate::manager::{Place, StorageError};

pub(super) fn advice(error: &StorageError) -> Advice {
    use StorageError as E;
    match error {
        E::NoSpace { place, .. } => {
            let removable = match place {
                Place::Pool(_) => vmtools("gc").flag("--dry-run"),
                Place::Folder(_) => vmtools("image prune").flag("--dry-run"),
            };
            (K::Failed, hint(format_args!("free some space; {removable} shows what can be removed")))
        }
        E::NoPool { .. } => (
            K::NotFound,
            hint(format_args!(
                "{} restores the default pool; with storage.path set, vmtools creates a pool in that directory",
                vmtools("config").flag("--unset storage.pool")
            )),
        ),
        E::NotInPool { path, .. } => (
            K::Incapable,
            hint(format_args!(
                "create a storage pool for its directory: {}",
                virsh("pool-create-as")
                    .fixed("NAME dir")
                    .option("--target", Path::new(path).parent().unwrap_or(Path::new("/")).display())
            )),
        ),
        E::BaseBroken { .. } | E::NotRemoved { .. } => {
            (K::Failed, hint(format_args!("try again, or run {}", vmtools("gc"))))
        }
        E::InUse { .. } => (K::Integrity, hint("delete what uses it first")),
        E::Open { .. } => (K::Integrity, hint("stop the VM or the program that uses it first")),
        E::Forged { name, .. } => (
            K::Integrity,
            hint(format_args!(
                "the guest may have written it to gain access to other files; if you trust it, set the disk's format with {}",
                virsh("edit").arg(name)
            )),
        ),
    }
}
