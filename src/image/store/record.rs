//! What the cache knows of an image that it holds.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::image::Error;
use crate::image::digest::short_name;
use crate::image::download::{Named, Partial, Validator};
use crate::image::file::remove_file;
use crate::model::{Digest, Uuid};
use crate::system::fs;

const ENDING: &str = ".json";
const PARTIAL: &str = ".partial";
const IMAGE: &str = ".img";
const LOCK: &str = ".lock";
/// Stands before what tells two images of one place apart; no name of an image has it.
const APART: char = '~';
/// The key of a record under which the name of the image's file stands.
const FILE: &str = "file";
/// What is left for the rest of a file name of at most 255 bytes.
const STEM_CHARS: usize = 96;

/// The files of one image: the record, the image that it is of, and what is under way.
///
/// The record names the image's file, so an image takes another's place when its record does, in one step: before it
/// the old image is there, whole, and behind it the new one ([`Slot::put`]). What a killed process leaves is an image
/// file that no record names ([`Slot::orphans`]).
#[derive(Debug, Clone)]
pub(in crate::image) struct Slot {
    folder: PathBuf,
    stem: String,
    /// The name of the image's file.
    file: String,
}

/// Where an image in the cache came from, and what its bytes have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct Record {
    /// The name in the catalogue, or the URL.
    pub(in crate::image) name: String,
    /// Where the bytes came from.
    pub(in crate::image) url: String,
    /// As `sha256:HEX`.
    pub(in crate::image) digest: String,
    /// Whether the digest was known before the download.
    pub(in crate::image) verified: bool,
    /// The digest of what was sent, as `sha256:HEX`, if the image is what that was packed of.
    #[serde(default)]
    pub(in crate::image) packed_digest: Option<String>,
    /// What the server tells this version by.
    #[serde(default)]
    pub(in crate::image) validator: Validator,
    /// What was asked for, if the name is one that the user gave.
    #[serde(default)]
    pub(in crate::image) named: Option<Named>,
}

impl Record {
    pub(in crate::image) fn digest(&self) -> Option<Digest> {
        self.digest.parse().ok()
    }
}

impl Slot {
    /// The place for what is at `url`, in `folder`; `label` makes the file's name one that people know.
    pub(in crate::image) fn new(folder: &Path, label: &str, url: &str) -> Self {
        let label: String = label
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .take(STEM_CHARS)
            .collect();
        let label = label.trim_start_matches('.');
        Self::named(folder, &format!("{label}-{}", short_name(url.as_bytes())))
    }

    /// The place for what has this name of its own, in `folder`. The name holds no slash.
    pub(in crate::image) fn named(folder: &Path, name: &str) -> Self {
        Self { folder: folder.to_owned(), stem: name.to_owned(), file: format!("{name}{IMAGE}") }
    }

    /// All places in `folder` that have a record.
    pub(in crate::image) fn all(folder: &Path) -> Result<Vec<Self>, Error> {
        Self::all_with(folder, ENDING)
    }

    /// All places in `folder` that may have a download under way, or what is left of one.
    pub(in crate::image) fn unfinished(folder: &Path) -> Result<Vec<Self>, Error> {
        let mut slots = Vec::new();
        for ending in [".resume", PARTIAL, ".unpacked", IMAGE] {
            slots.extend(Self::all_with(folder, ending)?);
        }
        slots.sort_by(|a, b| a.stem.cmp(&b.stem));
        slots.dedup_by(|a, b| a.stem == b.stem);
        Ok(slots)
    }

    fn all_with(folder: &Path, ending: &str) -> Result<Vec<Self>, Error> {
        let listing = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fs::Error::at("list", folder))?,
        };
        let mut slots = Vec::new();
        for file in listing {
            let file = file.map_err(fs::Error::at("list", folder))?;
            let name = file.file_name().to_string_lossy().into_owned();
            if let Some(stem) = name.strip_suffix(ending).filter(|_| !name.starts_with('.')) {
                slots.push(Self::named(folder, stem.split(APART).next().unwrap_or(stem)));
            }
        }
        slots.sort_by(|a, b| a.stem.cmp(&b.stem));
        Ok(slots)
    }

    /// Removes the files of locks in `folder` that killed processes have left.
    pub(in crate::image) fn sweep_locks(folder: &Path) {
        fs::sweep_held(folder, LOCK);
    }

    pub(in crate::image) fn image(&self) -> PathBuf {
        self.folder.join(&self.file)
    }

    pub(in crate::image) fn partial(&self) -> PathBuf {
        self.path(PARTIAL)
    }

    pub(in crate::image) fn lock(&self) -> PathBuf {
        self.path(LOCK)
    }

    /// The record, if there is a whole one.
    pub(in crate::image) fn load<R: DeserializeOwned>(&self) -> Option<R> {
        self.current().map(|(_, record)| record)
    }

    /// The place as its record tells, and the record, if there is a whole one.
    pub(in crate::image) fn current<R: DeserializeOwned>(&self) -> Option<(Self, R)> {
        let document: Value = serde_json::from_slice(&std::fs::read(self.path(ENDING)).ok()?).ok()?;
        let named = Self::named(&self.folder, &self.stem);
        let file = document.get(FILE).and_then(Value::as_str).filter(|file| self.is_own_image(file));
        let file = file.map_or(named.file, str::to_owned);
        Some((Self { file, ..self.clone() }, serde_json::from_value(document).ok()?))
    }

    /// Whether a file of this name is an image of this place.
    fn is_own_image(&self, file: &str) -> bool {
        let rest = file.strip_suffix(IMAGE).and_then(|stem| stem.strip_prefix(&self.stem));
        rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with(APART) && !rest.contains('/')))
    }

    /// The image files of this place that its record does not name: a killed process left them. With a record that
    /// can't be read there are none: nobody knows whose they are.
    pub(in crate::image) fn orphans(&self) -> Vec<PathBuf> {
        let current = self.current::<Value>().map(|(slot, _)| slot.image());
        if current.is_none() && self.path(ENDING).exists() {
            return Vec::new();
        }
        let names = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = names.map(|file| file.file_name().to_string_lossy().into_owned());
        let images = names.filter(|name| self.is_own_image(name)).map(|name| self.folder.join(name));
        let mut orphans: Vec<PathBuf> = images.filter(|path| Some(path) != current.as_ref()).collect();
        orphans.sort();
        orphans
    }

    /// Puts an image here, which `put` moves to the path that it gets, with its record; what was here before goes.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// When one of the two can't be written: then what was here before still is.
    pub(in crate::image) fn put<R: Serialize>(
        &self,
        record: &R,
        put: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let new = self.vacant();
        let written = put(&new.image()).and_then(|()| {
            // A record never speaks of a file that a power failure could still take away.
            self.sync_folder()?;
            new.save(record)
        });
        if let Err(error) = written {
            let _ = remove_file(&new.image());
            return Err(error);
        }
        new.orphans().iter().try_for_each(|old| remove_file(old))
    }

    /// The place with a file for another image, which is not there yet.
    fn vacant(&self) -> Self {
        let mut new = Self::named(&self.folder, &self.stem);
        while new.image().exists() {
            let number = &Uuid::new_v4().simple().to_string()[..8];
            new.file = format!("{}{APART}{number}{IMAGE}", self.stem);
        }
        new
    }

    /// When the image was last asked for: the record's time is set anew then.
    pub(in crate::image) fn last_used(&self) -> Option<SystemTime> {
        std::fs::metadata(self.path(ENDING)).and_then(|metadata| metadata.modified()).ok()
    }

    /// Whether the record was written since `time`.
    pub(in crate::image) fn is_newer_than(&self, time: SystemTime) -> bool {
        self.last_used().is_some_and(|modified| modified >= time)
    }

    /// Notes that the image was asked for. That it can't be noted is no failure.
    pub(in crate::image) fn touch(&self) {
        self.touch_at(SystemTime::now());
    }

    /// Notes that the image was asked for at `time`.
    pub(in crate::image) fn touch_at(&self, time: SystemTime) {
        let record = std::fs::File::options().write(true).open(self.path(ENDING));
        let _ = record.and_then(|file| file.set_modified(time));
    }

    /// Writes the record, as one of the image that this place has.
    pub(in crate::image) fn save(&self, record: &impl Serialize) -> Result<(), Error> {
        let path = self.path(ENDING);
        let with_file = serde_json::to_value(record).and_then(|mut document| {
            if let Some(fields) = document.as_object_mut() {
                fields.insert(FILE.to_owned(), self.file.clone().into());
            }
            serde_json::to_vec(&document)
        });
        let bytes = with_file.map_err(|error| fs::Error::at("write", &path)(std::io::Error::other(error)))?;
        fs::write_atomically(&path, &bytes, 0o600)?;
        self.sync_folder()
    }

    /// Waits until the names of the directory's files are on the disk.
    pub(in crate::image) fn sync_folder(&self) -> Result<(), Error> {
        Ok(fs::sync_folder(&self.folder)?)
    }

    /// Removes the record, so that what lies beside it is no longer trusted, then that. The caller holds the lock.
    pub(in crate::image) fn remove(&self) -> Result<(), Error> {
        remove_file(&self.path(ENDING))?;
        self.orphans().iter().try_for_each(|image| remove_file(image))?;
        Partial(&self.partial()).remove()
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", self.stem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_tell_urls_apart() {
        let folder = Path::new("/cache");
        let name = |label: &str, url: &str| {
            let path = Slot::new(folder, label, url).image();
            assert_eq!(path.parent(), Some(folder));
            path.file_name().map(|n| n.to_string_lossy().into_owned())
        };
        assert_ne!(name("a.img", "https://a/a.img"), name("a.img", "https://b/a.img"));
        assert!(name("../../etc", "https://a").is_some_and(|n| n.starts_with("_.._etc-")));
        assert!(name(&"x".repeat(999), "https://a").is_some_and(|n| n.len() < 200));
    }

    #[test]
    fn a_record_comes_back_and_goes() {
        let folder = tempfile::tempdir().expect("folder");
        let slot = Slot::new(folder.path(), "debian-13", "https://a/b");
        assert!(slot.load::<Record>().is_none());
        let record = Record {
            name: "debian-13".into(),
            url: "https://a/b".into(),
            digest: format!("sha256:{}", "a".repeat(64)),
            verified: true,
            packed_digest: None,
            validator: Validator::default(),
            named: None,
        };
        slot.save(&record).expect("saves");
        assert_eq!(slot.load(), Some(record));
        assert_eq!(Slot::all(folder.path()).expect("lists").len(), 1);
        slot.remove().expect("removes");
        assert!(Slot::all(folder.path()).expect("lists").is_empty());
    }
}
