//! Which file stands on which, by what is in the files: paths are compared by device and inode where this
//! host has them, so that a link or another spelling is the same file.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::chain;
use crate::libvirt::{Domain, OwnedVolume, Volume};

/// A file, whatever path leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::manager) enum FileKey {
    /// By device and inode.
    Inode(u64, u64),
    /// By its path: one that can't be looked at from here, or isn't there.
    Path(String),
}

impl FileKey {
    /// The key of a path on the daemon's host, which is this one if it `is_here`.
    pub(in crate::manager) fn of(path: &str, is_here: bool) -> Self {
        let found = is_here.then(|| std::fs::metadata(Path::new(path)).ok()).flatten();
        found.map_or_else(|| Self::Path(path.to_owned()), |data| Self::Inode(data.dev(), data.ino()))
    }
}

/// What is below a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Below {
    /// Nothing: it is whole by itself.
    Nothing,
    /// Another file.
    File(FileKey),
    /// Nobody can tell: it can't be read, and lies in no pool.
    Unknown,
}

/// The files of the pools and of VMs' disks, each with what is below it.
#[derive(Debug, Default)]
pub(in crate::manager) struct Files {
    is_here: bool,
    volumes: HashMap<FileKey, (String, Volume)>,
    below: HashMap<FileKey, Below>,
    /// A path of each file, for people.
    paths: HashMap<FileKey, String>,
    /// The paths that were looked at already.
    keys: HashMap<String, FileKey>,
}

impl Files {
    /// Of the pools' volumes, each with its pool's name, and of the disks of the VMs.
    pub(super) fn new<'a>(
        volumes: Vec<(String, Volume)>,
        domains: impl Iterator<Item = &'a Domain>,
        is_here: bool,
    ) -> Self {
        let mut files = Self { is_here, ..Self::default() };
        for (pool, volume) in volumes {
            let key = files.note(&volume.path);
            files.volumes.insert(key, (pool, volume));
        }
        let known: Vec<_> =
            files.volumes.iter().map(|(key, (_, file))| (key.clone(), file.backing.clone())).collect();
        for (key, backing) in known {
            let below = backing.map_or(Below::Nothing, |path| Below::File(files.note(&path)));
            files.below.insert(key, below);
        }
        for domain in domains {
            for disk in &domain.disks {
                let Some(path) = &disk.path else { continue };
                files.follow(path, disk.format.as_deref());
                files.take_chain(path, &disk.backing);
            }
        }
        files
    }

    /// The key of a path.
    pub(in crate::manager) fn key(&self, path: &str) -> FileKey {
        self.keys.get(path).cloned().unwrap_or_else(|| FileKey::of(path, self.is_here))
    }

    /// A path of the file.
    pub(in crate::manager) fn path(&self, key: &FileKey) -> String {
        match (self.paths.get(key), key) {
            (Some(path), _) | (None, FileKey::Path(path)) => path.clone(),
            (None, FileKey::Inode(device, inode)) => format!("inode {inode} of device {device}"),
        }
    }

    /// The file, if it lies in a pool.
    pub(in crate::manager) fn volume(&self, path: &str) -> Option<&Volume> {
        self.volumes.get(&self.key(path)).map(|(_, volume)| volume)
    }

    /// The file as a volume of its pool.
    pub(in crate::manager) fn owned_volume(&self, path: &str) -> Option<OwnedVolume> {
        let (pool, file) = self.volumes.get(&self.key(path))?;
        Some(OwnedVolume { pool: pool.clone(), volume: file.name.clone(), path: file.path.clone() })
    }

    /// All volumes, each with its pool's name.
    pub(in crate::manager) fn volumes(&self) -> impl Iterator<Item = (&str, &Volume)> {
        self.volumes.values().map(|(pool, volume)| (pool.as_str(), volume))
    }

    /// The files below a file, the nearest first, and whether the last of them is known to be the last.
    pub(in crate::manager) fn below(&self, key: &FileKey) -> (Vec<FileKey>, bool) {
        let mut found: Vec<FileKey> = Vec::new();
        let mut at = key;
        loop {
            match self.below.get(at) {
                Some(Below::File(next)) if next != key && !found.contains(next) => {
                    found.push(next.clone());
                    at = next;
                }
                Some(Below::File(_) | Below::Nothing) => return (found, true),
                Some(Below::Unknown) | None => return (found, false),
            }
        }
    }

    /// The files that stand on the file, in pools or below VMs' disks.
    pub(super) fn standing_on<'a>(&'a self, key: &'a FileKey) -> impl Iterator<Item = &'a FileKey> {
        self.below.keys().filter(move |file| *file != key && self.below(file).0.contains(key))
    }

    fn note(&mut self, path: &str) -> FileKey {
        let key = self.key(path);
        self.keys.entry(path.to_owned()).or_insert_with(|| key.clone());
        self.paths.entry(key.clone()).or_insert_with(|| path.to_owned());
        key
    }

    /// Reads what is below a disk that lies in no pool, from the files.
    fn follow(&mut self, path: &str, format: Option<&str>) {
        let mut at = (path.to_owned(), format.map(str::to_owned));
        loop {
            let key = self.note(&at.0);
            if self.below.contains_key(&key) {
                return;
            }
            let found = if self.is_here { chain::below(Path::new(&at.0), at.1.as_deref()) } else { None };
            let (below, next) = match found {
                None => (Below::Unknown, None),
                Some(None) => (Below::Nothing, None),
                Some(Some((path, format))) => (Below::File(self.note(&path)), Some((path, format))),
            };
            self.below.insert(key, below);
            match next {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    /// Takes what libvirt knows of a running VM's chain where the files don't tell.
    fn take_chain(&mut self, path: &str, backing: &[String]) {
        let mut above = self.note(path);
        for below in backing {
            let below = self.note(below);
            let known = self.below.get(&above).is_some_and(|known| *known != Below::Unknown);
            if !known && below != above {
                self.below.insert(above, Below::File(below.clone()));
            }
            above = below;
        }
    }
}
