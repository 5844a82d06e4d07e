use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Error, KeyPair};
use crate::system::fs;

/// vmtools' own key of this user: every VM that it makes lets it in, so that waiting never depends on the
/// user's keys or their passphrases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// The private key's file, with mode 0600.
    pub private_file: PathBuf,
    /// The public key as one line.
    pub public_openssh: String,
}

/// vmtools' own key, `id_ed25519` in `data_folder`, made if it isn't there. Of several processes that make
/// it at the same time one wins, and all get that one's key.
///
/// # Errors
/// When the directory can't be written, or what is there is no private key.
pub fn own_key(data_folder: &Path) -> Result<OwnKey, Error> {
    let file = data_folder.join("id_ed25519");
    if let Some(key) = load(&file)? {
        return Ok(key);
    }
    let pair = KeyPair::generate("vmtools")?;
    fs::create_private_folder(data_folder)?;
    if place(data_folder, &file, &pair.private_openssh)? {
        let line = format!("{}\n", pair.public_openssh);
        fs::write_atomically(&file.with_extension("pub"), line.as_bytes(), 0o644)?;
    }
    load(&file)?.ok_or_else(|| {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        fs::Error::at("read", &file)(gone).into()
    })
}

fn load(file: &Path) -> Result<Option<OwnKey>, Error> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fs::Error::at("read", file)(error).into()),
    };
    let pair =
        KeyPair::parse(&text).map_err(|source| Error::OwnKeyDamaged { path: file.to_owned(), source })?;
    // ssh refuses a private key that others may read.
    let mode = std::fs::metadata(file).map(|data| data.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file, private).map_err(fs::Error::at("protect", file))?;
    }
    Ok(Some(OwnKey { private_file: file.to_owned(), public_openssh: pair.public_openssh }))
}

/// Puts `text` at `file` whole, unless there is one already; whether it did.
fn place(folder: &Path, file: &Path, text: &str) -> Result<bool, Error> {
    let failed = fs::Error::at("write", file);
    let written = fs::temporary_in(folder, 0o600).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.as_file().sync_data()?;
        Ok(new)
    });
    match written.map(|new| new.persist_noclobber(file)) {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(error)) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Ok(Err(error)) => Err(failed(error.error).into()),
        Err(error) => Err(failed(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_even_by_many() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let data = folder.path().join("data");
        let keys: Vec<OwnKey> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| own_key(&data).expect("gives one"))).collect();
            racers.into_iter().map(|racer| racer.join().expect("ends")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(own_key(&data).expect("reads"), keys[0]);
        let mode = std::fs::metadata(&keys[0].private_file).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = std::fs::read_dir(&data).expect("lists").count();
        assert_eq!(names, 2, "no temporary file stays");
        let public = std::fs::read_to_string(data.join("id_ed25519.pub")).expect("reads");
        assert_eq!(public.trim_end(), keys[0].public_openssh);
    }

    #[test]
    fn a_wide_mode_is_narrowed_and_damage_is_told() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let key = own_key(folder.path()).expect("makes one");
        let wide = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&key.private_file, wide).expect("sets the mode");
        own_key(folder.path()).expect("reads");
        let mode = std::fs::metadata(&key.private_file).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&key.private_file, "oops").expect("writes");
        assert!(matches!(own_key(folder.path()), Err(Error::OwnKeyDamaged { .. })));
    }
}
