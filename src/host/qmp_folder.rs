use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::model::Uuid;

use super::access::{Permission, blocker};
use super::account::Account;
use crate::system::fs;

/// The directory of the VMs' own QMP and VNC sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QmpFolder {
    /// QEMU can make its sockets there.
    Usable(PathBuf),
    /// It is not there.
    Missing(PathBuf),
    /// QEMU's user can't write there.
    NotWritable(PathBuf),
}

/// The directory that root makes at installation (tmpfiles.d), for QEMU's user and the group libvirt.
pub(super) const SYSTEM_FOLDER: &str = "/run/libvirt/qemu/vmtools";

/// The system daemon's directory, /run/libvirt/qemu/vmtools, which root makes (tmpfiles.d). `account` is
/// QEMU's user; `None`, when QEMU runs as root, can write anywhere.
pub fn system_qmp_folder(account: Option<&Account>) -> QmpFolder {
    check_folder(Path::new(SYSTEM_FOLDER), account)
}

/// The session's directory, `$XDG_RUNTIME_DIR/vmtools`, to be made with 0700 where it is missing; `None`
/// without that variable.
pub fn session_qmp_folder() -> Option<PathBuf> {
    dirs::runtime_dir().map(|folder| folder.join("vmtools"))
}

/// The session's directory, made if it isn't there: it lies in memory and is gone after a reboot. `None` when
/// it can't be made.
pub fn ready_session_qmp_folder() -> Option<PathBuf> {
    let folder = session_qmp_folder()?;
    fs::create_private_folder(&folder).ok()?;
    Some(folder)
}

/// The socket of the VM `uuid` in `folder`; `None` when its path would be longer than the 107 bytes that
/// a Unix socket's address holds (unix(7)).
pub fn qmp_socket(folder: &Path, uuid: Uuid) -> Option<PathBuf> {
    socket(folder, uuid, "qmp")
}

/// The socket of the VM's screen beside it, as [`qmp_socket`].
pub fn vnc_socket(folder: &Path, uuid: Uuid) -> Option<PathBuf> {
    socket(folder, uuid, "vnc")
}

fn socket(folder: &Path, uuid: Uuid, extension: &str) -> Option<PathBuf> {
    let path = folder.join(format!("{uuid}.{extension}"));
    (path.as_os_str().len() <= 107).then_some(path)
}

/// Removes the sockets of a VM that is gone: QEMU leaves those that are not libvirt's behind.
pub fn remove_vm_sockets(uuid: Uuid) {
    for folder in [Some(PathBuf::from(SYSTEM_FOLDER)), session_qmp_folder()].into_iter().flatten() {
        for ending in ["qmp", "vnc"] {
            let _ = std::fs::remove_file(folder.join(format!("{uuid}.{ending}")));
        }
    }
}

/// All sockets of VMs, those that nobody listens at too.
pub fn vm_sockets() -> BTreeMap<Uuid, Vec<PathBuf>> {
    let folders = [Some(PathBuf::from(SYSTEM_FOLDER)), session_qmp_folder()].into_iter().flatten();
    let entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut sockets: BTreeMap<Uuid, Vec<PathBuf>> = BTreeMap::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".qmp").or(name.strip_suffix(".vnc"));
        if let Some(uuid) = stem.and_then(|stem| Uuid::try_parse(stem).ok()) {
            sockets.entry(uuid).or_default().push(entry.path());
        }
    }
    sockets
}

/// Whether nobody listens at a socket: only its file is left. One that this user may not connect to is not.
pub fn is_stale_socket(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Removes a socket's file; that it is gone already is fine.
///
/// # Errors
/// When this user may not.
pub fn remove_socket(path: &Path) -> Result<(), fs::Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(fs::Error::at("remove", path)(error)),
        _ => Ok(()),
    }
}

fn check_folder(folder: &Path, account: Option<&Account>) -> QmpFolder {
    let path = folder.to_owned();
    if !folder.is_dir() {
        return QmpFolder::Missing(path);
    }
    let blocked = |permission| match account {
        // What this user may not look at is taken for usable: QEMU will say.
        Some(account) => blocker(account, folder, Some(permission)).unwrap_or_default().is_some(),
        None => false,
    };
    match blocked(Permission::Write) || blocked(Permission::Search) {
        true => QmpFolder::NotWritable(path),
        false => QmpFolder::Usable(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn qemus_user_has_to_be_able_to_write() {
        let root = tempfile::tempdir().expect("temporary folder");
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("sets the mode");
        };
        chmod(root.path(), 0o755);
        let folder = root.path().join("vmtools");
        let account = Account { name: "qemu".into(), uid: 64055, gids: vec![] };
        assert_eq!(check_folder(&folder, Some(&account)), QmpFolder::Missing(folder.clone()));
        std::fs::create_dir(&folder).expect("makes it");
        for (mode, usable) in [(0o755, false), (0o776, false), (0o777, true)] {
            chmod(&folder, mode);
            let result = check_folder(&folder, Some(&account));
            assert_eq!(result == QmpFolder::Usable(folder.clone()), usable, "{mode:o}");
        }
        assert_eq!(check_folder(&folder, None), QmpFolder::Usable(folder));
    }

    #[test]
    fn a_socket_is_stale_when_nobody_listens() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("x.qmp");
        assert!(!is_stale_socket(&path), "there is none");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("binds");
        assert!(!is_stale_socket(&path));
        drop(listener);
        assert!(is_stale_socket(&path));
        remove_socket(&path).expect("removes it");
        remove_socket(&path).expect("is gone already");
        let file = folder.path().join("file.qmp");
        std::fs::write(&file, "").expect("writes");
        assert!(is_stale_socket(&file), "the kernel refuses a connection to a file, too");
    }

    #[test]
    fn the_path_fits_a_socket_address() {
        assert!(qmp_socket(Path::new("/run/libvirt/qemu/vmtools"), Uuid::nil()).is_some());
        let fits = "x".repeat(107 - 1 - 36 - 4 - 1);
        let folder = PathBuf::from(format!("/{fits}"));
        assert_eq!(qmp_socket(&folder, Uuid::nil()).map(|p| p.as_os_str().len()), Some(107));
        assert_eq!(qmp_socket(Path::new(&format!("/{fits}x")), Uuid::nil()), None);
    }
}
