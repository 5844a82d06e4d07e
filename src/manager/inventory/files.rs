//! Which file stands on which, by what is in the files: paths are compared by device and inode where this
//! host has them, so that a link or another spelling is the same file.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::image::chain::{Chain, ChainFile, FileId, FileState};
use crate::image::header::Driver;
use crate::libvirt::{Domain, OwnedVolume, Volume};

/// A file, whatever path leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::manager) enum FileKey {
    /// By what the kernel knows it by.
    Id(FileId),
    /// By its path: one that can't be looked at from here, or isn't there.
    Path(String),
}

impl FileKey {
    /// The key of a path on the daemon's host, which is this one if it `is_here`.
    fn of(path: &str, is_here: bool) -> Self {
        let found = is_here.then(|| FileId::of(Path::new(path)).ok()).flatten();
        found.map_or_else(|| Self::Path(path.to_owned()), Self::Id)
    }
}

/// The files of the pools and of VMs' disks, each with those that it needs.
#[derive(Debug, Default)]
pub(in crate::manager) struct Files {
    is_here: bool,
    volumes: HashMap<FileKey, (String, Volume)>,
    /// The files right below each, and those that hold its data.
    needs: HashMap<FileKey, Vec<FileKey>>,
    /// Those of which it is not known what they need: they can't be read, and lie in no pool.
    unknown: HashSet<FileKey>,
    /// Those of these that are there, and that this user may not read.
    denied: HashSet<FileKey>,
    /// A path of each file, for people.
    paths: HashMap<FileKey, String>,
    /// The paths that were looked at already.
    keys: HashMap<String, FileKey>,
}

impl Files {
    /// Whether the file exists, as far as that can be seen from here.
    pub(in crate::manager) fn is_there(&self, path: &str) -> bool {
        !self.is_here || Path::new(path).symlink_metadata().is_ok()
    }

    /// Of the pools' volumes, each with its pool's name, and of the disks of the VMs.
    pub(super) fn new<'a>(
        volumes: Vec<(String, Volume)>,
        domains: impl Iterator<Item = &'a Domain>,
        is_here: bool,
    ) -> Self {
        let mut files = Self { is_here, ..Self::default() };
        for (pool, volume) in volumes {
            let key = files.note(&volume.path);
            if let Some(backing) = &volume.backing {
                let below = files.note(backing);
                files.needs.entry(key.clone()).or_default().push(below);
            }
            files.volumes.insert(key, (pool, volume));
        }
        for domain in domains {
            for disk in &domain.disks {
                let Some(path) = &disk.path else { continue };
                // libvirt takes raw where no form is declared.
                files.follow(path, disk.format.as_deref().unwrap_or("raw"));
                files.take_chain(path, &disk.backing);
            }
        }
        files
    }

    /// The key of a path.
    pub(in crate::manager) fn key(&self, path: &str) -> FileKey {
        self.keys.get(path).cloned().unwrap_or_else(|| FileKey::of(path, self.is_here))
    }

    /// Whether the path is that of a symbolic link, as far as that is known here.
    pub(in crate::manager) fn is_link(&self, path: &str) -> bool {
        self.is_here && std::fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink())
    }

    /// A path of the file.
    pub(in crate::manager) fn path(&self, key: &FileKey) -> String {
        match (self.paths.get(key), key) {
            (Some(path), _) | (None, FileKey::Path(path)) => path.clone(),
            (None, FileKey::Id(id)) => format!("{id:?}"),
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

    /// The files that a file needs, the nearest first, and whether these are all.
    pub(in crate::manager) fn below(&self, key: &FileKey) -> (Vec<FileKey>, bool) {
        let mut found: Vec<FileKey> = Vec::new();
        let mut complete = true;
        let mut open = vec![key];
        while let Some(at) = open.pop() {
            complete &= !self.unknown.contains(at) && (self.is_known(at));
            for next in self.needs.get(at).into_iter().flatten().rev() {
                if next != key && !found.contains(next) && !open.contains(&next) {
                    open.push(next);
                }
            }
            if at != key {
                found.push(at.clone());
            }
        }
        (found, complete)
    }

    /// Whether this user may not read the file or one below it, and nobody else tells what it stands on.
    pub(super) fn is_denied(&self, path: &str) -> bool {
        let key = self.key(path);
        let (below, _) = self.below(&key);
        std::iter::once(&key).chain(&below).any(|file| self.denied.contains(file))
    }

    /// The files that stand on the file, in pools or below VMs' disks.
    pub(super) fn standing_on<'a>(&'a self, key: &'a FileKey) -> impl Iterator<Item = &'a FileKey> {
        self.needs.keys().filter(move |file| *file != key && self.below(file).0.contains(key))
    }

    fn is_known(&self, key: &FileKey) -> bool {
        self.volumes.contains_key(key) || self.needs.contains_key(key)
    }

    fn note(&mut self, path: &str) -> FileKey {
        if let Some(key) = self.keys.get(path) {
            return key.clone();
        }
        let key = FileKey::of(path, self.is_here);
        self.keys.insert(path.to_owned(), key.clone());
        self.paths.entry(key.clone()).or_insert_with(|| path.to_owned());
        key
    }

    fn note_file(&mut self, file: &ChainFile) -> FileKey {
        let path = file.path.to_string_lossy().into_owned();
        let key = file.id.map_or_else(|| FileKey::Path(path.clone()), FileKey::Id);
        self.paths.entry(key.clone()).or_insert(path);
        key
    }

    /// Reads what a VM's disk needs, from the headers of its files, wherever they lie.
    fn follow(&mut self, path: &str, driver: &str) {
        let top = self.note(path);
        if !self.is_here {
            if !self.is_known(&top) {
                self.unknown.insert(top);
            }
            return;
        }
        // An unknown form is guessed, as QEMU would.
        let chain = Chain::read(Path::new(path), Driver::from_name(driver));
        let keys: Vec<FileKey> = chain.links.iter().map(|link| self.note_file(&link.file)).collect();
        for (at, link) in chain.links.iter().enumerate() {
            let data: Vec<FileKey> = link.data_files.iter().map(|file| self.note_file(file)).collect();
            let needs = self.needs.entry(keys[at].clone()).or_default();
            for next in keys.get(at + 1).cloned().into_iter().chain(data) {
                if next != keys[at] && !needs.contains(&next) {
                    needs.push(next);
                }
            }
        }
        let last = keys.last().cloned().unwrap_or(top);
        // What can't be read from here, libvirt knows of its pools.
        if !chain.is_complete() && !self.volumes.contains_key(&last) {
            let is_denied = chain.links.last().is_some_and(|link| link.file.state == FileState::Denied);
            if is_denied {
                self.denied.insert(last.clone());
            }
            self.unknown.insert(last);
        }
    }

    /// Takes what libvirt knows of a running VM's chain, which others may not be able to read.
    fn take_chain(&mut self, path: &str, backing: &[String]) {
        let mut above = self.note(path);
        for below in backing {
            let below = self.note(below);
            let needs = self.needs.entry(above.clone()).or_default();
            if below != above && !needs.contains(&below) {
                needs.push(below.clone());
            }
            self.unknown.remove(&above);
            self.denied.remove(&above);
            above = below;
        }
    }
}
