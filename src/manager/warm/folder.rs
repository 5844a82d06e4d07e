//! The files of states.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::WarmKey;
use crate::libvirt::{OwnedVolume, Pool, PoolKind, SaveImage};
use crate::manager::warm::ColdReason;
use crate::model::Uuid;

/// The beginning of the names of the VMs that states are made of, and of their disks.
const PREFIX: &str = "vmtools-warm-";
/// The directory of the states, in that of the storage pool.
const FOLDER: &str = "warm";
const STATE: &str = ".save";
/// Of a state from which a start has failed. The second failure removes it.
const FAILED: &str = ".failed";
/// Of a copy that is being restored.
const COPY: &str = ".restoring";
/// A guest that is older lacks updates, and its leases and certificates may have run out.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whether a VM of that name makes a state.
pub(in crate::manager) fn is_maker(vm: &str) -> bool {
    key_of_maker(vm).is_some()
}

/// The key of the state that the VM of that name makes, if it makes one.
pub(super) fn key_of_maker(vm: &str) -> Option<WarmKey> {
    WarmKey::parse(vm.strip_prefix(PREFIX)?)
}

/// The key of the state whose disk has that name, if it is the disk of one.
pub(in crate::manager) fn is_base(volume: &str) -> Option<WarmKey> {
    let (key, rest) = volume.strip_prefix(PREFIX)?.split_once('-')?;
    rest.ends_with(".qcow2").then(|| WarmKey::parse(key)).flatten()
}

impl WarmKey {
    /// The name of the VM that makes the state.
    pub(super) fn maker(&self) -> String {
        format!("{PREFIX}{self}")
    }

    /// What users call the state.
    pub(in crate::manager) fn name(&self) -> String {
        format!("warm-{self}")
    }
}

/// A directory of states.
#[derive(Debug, Clone)]
pub(in crate::manager) struct WarmFolder {
    pool: String,
    path: PathBuf,
}

/// A state that is whole.
#[derive(Debug)]
pub(in crate::manager) struct WarmState {
    pub(in crate::manager) key: WarmKey,
    pub(in crate::manager) file: PathBuf,
    /// The disk of the VM that was saved.
    pub(in crate::manager) disk: OwnedVolume,
    pub(in crate::manager) image: SaveImage,
    /// When it was saved.
    pub(in crate::manager) saved: SystemTime,
    opened: File,
}

impl WarmState {
    /// The UUID of the VM that was saved.
    pub(in crate::manager) fn uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.image.domain.find_text("uuid")?).ok()
    }

    /// The file, open: it is read though another removes it.
    pub(super) fn opened(&self) -> &File {
        &self.opened
    }

    /// What it takes on the disk, in bytes, its own disk aside.
    pub(in crate::manager) fn size_bytes(&self) -> u64 {
        self.opened.metadata().map_or(0, |data| data.blocks() * 512)
    }
}

impl WarmFolder {
    /// That of a pool; `None` where the pool is no directory of this host.
    pub(in crate::manager) fn of(pool: &Pool) -> Option<Self> {
        let is_folder = matches!(pool.kind, PoolKind::Dir | PoolKind::Fs);
        is_folder.then(|| Self { pool: pool.name.clone(), path: Path::new(&pool.path).join(FOLDER) })
    }

    /// Makes the directory, for its owner alone, if it isn't there.
    ///
    /// # Errors
    /// [`ColdReason::NotPermitted`] where this user may not, or the directory is another's.
    pub(in crate::manager) fn ready(&self) -> Result<(), ColdReason> {
        match std::fs::DirBuilder::new().mode(0o700).create(&self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.is_usable(),
            Err(_) => Err(ColdReason::NotPermitted),
        }
    }

    /// Whether it is this user's alone, or isn't there.
    ///
    /// # Errors
    /// [`ColdReason::NotPermitted`].
    pub(super) fn is_usable(&self) -> Result<(), ColdReason> {
        match self.path.symlink_metadata() {
            Ok(data) => {
                let is_own = data.is_dir() && data.uid() == crate::host::user_id();
                (is_own && data.permissions().mode() & 0o077 == 0)
                    .then_some(())
                    .ok_or(ColdReason::NotPermitted)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(_) => Err(ColdReason::NotPermitted),
        }
    }

    /// The file of that state, there or not.
    pub(super) fn state_file(&self, key: &WarmKey) -> PathBuf {
        self.path.join(format!("{key}{STATE}"))
    }

    /// The same as text.
    pub(in crate::manager) fn file(&self, key: &WarmKey) -> String {
        self.state_file(key).to_string_lossy().into_owned()
    }

    /// A file for a copy of the state, for the VM of this UUID. It must not be there.
    ///
    /// # Errors
    /// When it can't be made.
    pub(super) fn new_copy(&self, uuid: Uuid) -> std::io::Result<(File, PathBuf)> {
        let path = self.memory_file(uuid);
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((file, path))
    }

    /// Where the memory of a VM of which the VM of this UUID is a fork is written. As a copy it goes with that VM.
    pub(in crate::manager) fn memory_file(&self, uuid: Uuid) -> PathBuf {
        self.path.join(format!("{uuid}{COPY}"))
    }

    /// The keys of the states, whole or not.
    pub(in crate::manager) fn keys(&self) -> Vec<WarmKey> {
        let names = self.names();
        names.iter().filter_map(|name| WarmKey::parse(name.strip_suffix(STATE)?)).collect()
    }

    /// The copies that killed commands have left, with the UUIDs of the VMs that they were for.
    pub(in crate::manager) fn copies(&self) -> Vec<(Uuid, PathBuf)> {
        let names = self.names();
        let copy = |name: &String| {
            let uuid = Uuid::try_parse(name.strip_suffix(COPY)?).ok()?;
            Some((uuid, self.path.join(name)))
        };
        names.iter().filter_map(copy).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// The state of that key; `None` when there is none.
    ///
    /// # Errors
    /// [`ColdReason::BadState`] when it is of no use: incomplete, damaged, too old, or its disk is gone or was written to
    /// since.
    pub(in crate::manager) fn load(&self, key: &WarmKey) -> Result<Option<WarmState>, ColdReason> {
        let file = self.state_file(key);
        let opened = match File::open(&file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(_) => return Err(ColdReason::NotPermitted),
        };
        let bad = |_| ColdReason::BadState;
        let image = SaveImage::read(&opened).map_err(|error| {
            log::debug!("{}: {error}", file.display());
            ColdReason::BadState
        })?;
        let saved = opened.metadata().and_then(|data| data.modified()).map_err(bad)?;
        let disk = self.disk_of(&image).filter(|disk| is_base(&disk.volume).as_ref() == Some(key));
        let disk = disk.ok_or(ColdReason::BadState)?;
        let written = Path::new(&disk.path).metadata().and_then(|data| data.modified()).map_err(bad)?;
        // Of a clock that was set back nobody knows.
        let is_old = saved.elapsed().is_ok_and(|age| age > OLDEST);
        if written > saved || is_old {
            return Err(ColdReason::BadState);
        }
        Ok(Some(WarmState { key: key.clone(), file, disk, image, saved, opened }))
    }

    fn disk_of(&self, image: &SaveImage) -> Option<OwnedVolume> {
        let path = image.domain.find("devices/disk")?.find_attribute("source", "file")?.to_owned();
        let volume = Path::new(&path).file_name()?.to_str()?.to_owned();
        Some(OwnedVolume { pool: self.pool.clone(), volume, path })
    }

    /// Notes that a start from the state has failed. Gives whether it has failed before.
    pub(super) fn note_failure(&self, key: &WarmKey) -> bool {
        let path = self.path.join(format!("{key}{FAILED}"));
        File::options().write(true).create_new(true).open(path).is_err()
    }

    /// Removes all that belongs to the state but its disk.
    ///
    /// # Errors
    /// When the file of the state can't be removed.
    pub(super) fn remove(&self, key: &WarmKey) -> std::io::Result<()> {
        let _ = std::fs::remove_file(self.path.join(format!("{key}{FAILED}")));
        match std::fs::remove_file(self.state_file(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_keys_and_those_of_users_vms_do_not() {
        let key = WarmKey::parse("0a1b2c3d4e5f6071").expect("a key");
        assert!(is_maker(&key.maker()));
        assert_eq!(is_base("vmtools-warm-0a1b2c3d4e5f6071-12ab34cd.qcow2"), Some(key));
        for other in ["vmtools-warm-up", "vmtools-warm-", "web", "warm-0a1b2c3d4e5f6071"] {
            assert!(!is_maker(other), "{other}");
        }
        for other in ["vmtools-warm-up-12ab34cd.qcow2", "vmtools-warm-0a1b2c3d4e5f6071-12ab34cd-seed.img"] {
            assert_eq!(is_base(other), None, "{other}");
        }
    }

    #[test]
    fn the_folder_is_its_owners_alone_or_is_not_used() {
        let place = tempfile::tempdir().expect("makes");
        let pool = Pool {
            name: "p".into(),
            path: place.path().to_string_lossy().into_owned(),
            kind: PoolKind::Dir,
            active: true,
            available_bytes: 0,
        };
        let folder = WarmFolder::of(&pool).expect("a folder");
        folder.ready().and_then(|()| folder.ready()).expect("is made, and is there");
        let mode = || place.path().join(FOLDER).metadata().expect("is").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        std::fs::set_permissions(place.path().join(FOLDER), std::fs::Permissions::from_mode(0o755))
            .expect("changes");
        assert_eq!(folder.ready(), Err(ColdReason::NotPermitted));
        let other = Pool { kind: PoolKind::Logical, ..pool };
        assert!(WarmFolder::of(&other).is_none());
    }
}
