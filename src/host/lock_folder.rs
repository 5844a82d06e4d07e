use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use crate::system::fs::{LockGuard, LockMode, sweep_held, try_hold};

use super::is_root;
use super::qmp_folder::SYSTEM_FOLDER;

/// Where root keeps locks when the directory that all users share is missing: see [`system_lock_folder`].
const ROOTS_FOLDER: &str = "/run/libvirt/vmtools";

/// The directory for locks on what the system daemon has, shared by all who may use it: the one for QMP sockets,
/// which root makes at installation for the group libvirt. Without it root makes one; another user has none
/// that others look at.
pub fn system_lock_folder() -> Option<PathBuf> {
    let shared = Path::new(SYSTEM_FOLDER);
    if shared.is_dir() {
        return is_writable(shared).then(|| shared.to_owned());
    }
    let folder = Path::new(ROOTS_FOLDER);
    if !is_root() {
        return None;
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).ok()?;
    Some(folder.to_owned())
}

fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}
