use std::path::{Path, PathBuf};

use crate::model::Uuid;

use crate::system::fs;

/// Takes what is known of a VM's host key out of `state_folder`, when the VM is deleted.
///
/// # Errors
/// When the file is there and can't be removed.
pub fn forget_known_host(state_folder: &Path, uuid: Uuid) -> Result<(), fs::Error> {
    let file = path(state_folder, uuid);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(fs::Error::at("remove", &file)(error))
        }
        _ => Ok(()),
    }
}

/// The known_hosts file of the VM, written from the key that it was given, if it was given one; else the
/// one that ssh fills itself.
pub(super) fn prepare(state_folder: &Path, uuid: Uuid, host_key: Option<&str>) -> Result<PathBuf, fs::Error> {
    let file = path(state_folder, uuid);
    let Some(key) = host_key else {
        if let Some(folder) = file.parent() {
            fs::create_private_folder(folder)?;
        }
        return Ok(file);
    };
    let line = format!("{} {}\n", alias(uuid), key.trim());
    if std::fs::read_to_string(&file).is_ok_and(|text| text == line) {
        return Ok(file);
    }
    fs::write_atomically(&file, line.as_bytes(), 0o600)?;
    Ok(file)
}

/// The name under which a VM's host key is known, whatever address it has.
pub(super) fn alias(uuid: Uuid) -> String {
    format!("vmtools-{uuid}")
}

fn path(state_folder: &Path, uuid: Uuid) -> PathBuf {
    state_folder.join("known_hosts").join(uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_key_is_written_and_forgotten() {
        let state = tempfile::tempdir().expect("temporary folder");
        let uuid = Uuid::nil();
        let file = prepare(state.path(), uuid, Some("ssh-ed25519 AAAA web\n")).expect("writes");
        let text = std::fs::read_to_string(&file).expect("reads");
        assert_eq!(text, format!("vmtools-{uuid} ssh-ed25519 AAAA web\n"));
        assert_eq!(prepare(state.path(), uuid, None).expect("is there"), file);
        assert_eq!(std::fs::read_to_string(&file).expect("is kept"), text);
        forget_known_host(state.path(), uuid).expect("removes");
        forget_known_host(state.path(), uuid).expect("is gone already");
        assert!(!file.exists());
    }
}
