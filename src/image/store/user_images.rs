use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::leftovers::{self, Leftover};
use super::record::Slot;
use crate::image::file;
use crate::image::import::{self, Original};
use crate::image::reference::check_name;
use crate::image::{DigestCache, Error, Format, Progress, header};
use crate::model::nearest;
use crate::model::{Algorithm, Digest, Firmware, Timestamp, check_guest_user};
use crate::system::fs;

/// Images that the user imported, and VMs' disks that were committed.
///
/// ```text
/// DATA/images/NAME.json     its record, which names the image's file: see Slot
/// DATA/images/NAME.img      the image, always a qcow2; NAME~XXXXXXXX.img of one that took another's place
/// DATA/images/NAME.partial  one that is being made
/// DATA/images/NAME.lock     there while it is held: meanwhile
/// ```
#[derive(Debug, Clone)]
pub struct UserImages {
    folder: PathBuf,
    digests: DigestCache,
}

/// The metadata of an image to import or commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// Where it comes from: a path, or words for people.
    pub source: String,
    /// The user that it has or that its cloud-init makes.
    pub default_user: Option<String>,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// Whether it was a VM's disk, and so has an identity of its own that has to go.
    pub committed: bool,
}

/// The record of an imported or committed image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct UserImageRecord {
    pub(in crate::image) name: String,
    pub(in crate::image) source: String,
    /// As `sha256:HEX`; of an import it is computed when it is first asked for.
    pub(in crate::image) digest: Option<String>,
    pub(in crate::image) created: Timestamp,
    pub(in crate::image) format: Format,
    pub(in crate::image) size_bytes: u64,
    pub(in crate::image) virtual_size_bytes: u64,
    pub(in crate::image) default_user: Option<String>,
    pub(in crate::image) firmware: Option<Firmware>,
    pub(in crate::image) committed: bool,
}

/// A place for an image that is being made. Dropped, what is in it is gone.
#[derive(Debug)]
pub struct Staged {
    slot: Slot,
    _lock: fs::LockGuard,
}

impl Staged {
    /// The file to write the image to; it is empty at first.
    pub fn path(&self) -> PathBuf {
        self.slot.partial()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.slot.partial());
    }
}

impl UserImages {
    pub(in crate::image) fn new(folder: PathBuf, digests: DigestCache) -> Self {
        Self { folder, digests }
    }

    /// Takes a file in: qcow2 as it is; raw, VMDK, VDI, VHDX and the disk of an OVA converted. With `raw` the
    /// file's bytes are the disk's, whatever they look like. Gives the names of further disks in an OVA, which
    /// are left out.
    ///
    /// # Errors
    /// [`Error::NameTaken`] unless it may `replace`; what [`UserImages::stage`] and [`UserImages::keep`] say; and
    /// those of the file. Then there is nothing new.
    pub async fn import(
        &self,
        file: &Path,
        raw: bool,
        new: NewImage,
        replace: bool,
        progress: Option<Progress>,
    ) -> Result<Vec<String>, Error> {
        let path = file.to_owned();
        let original = tokio::task::spawn_blocking(move || Original::open(&path, raw)).await??;
        let staged = self.stage(&new.name, replace).await?;
        let target = staged.path();
        let original = if original.is_kept_as_it_is() {
            import::copy(original, target, progress).await?
        } else {
            import::convert(&original, &new.source, &target, progress.as_ref()).await?;
            original
        };
        // What was read while somebody wrote may be torn, and looks like any other.
        original.check_unchanged()?;
        let left_out = original.left_out;
        self.keep(staged, new).await?;
        Ok(left_out)
    }

    /// A place for an image of this name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that would be taken for a file; [`Error::NameTaken`] unless it may
    /// `replace`; when the directory can't be written.
    pub async fn stage(&self, name: &str, replace: bool) -> Result<Staged, Error> {
        check_name(name)?;
        let slot = Slot::named(&self.folder, name);
        let refuse = |slot: &Slot| match slot.load::<UserImageRecord>() {
            Some(_) if !replace => Err(Error::NameTaken { name: name.to_owned() }),
            _ => Ok(()),
        };
        refuse(&slot)?;
        let lock = fs::lock(&slot.lock()).await?;
        refuse(&slot)?;
        drop(file::create(&slot.partial())?);
        Ok(Staged { slot, _lock: lock })
    }

    /// Checks what was put into the place, and gives it its name.
    ///
    /// # Errors
    /// [`Error::Header`] when it is no image that is safe to use; when it can't be read or written.
    pub async fn keep(&self, staged: Staged, new: NewImage) -> Result<(), Error> {
        if let Some(user) = &new.default_user {
            check_guest_user(user)?;
        }
        let digest = match new.committed {
            true => Some(self.digests.of_file(&staged.path(), Algorithm::Sha256, None).await?),
            false => None,
        };
        let digests = self.digests.clone();
        tokio::task::spawn_blocking(move || {
            let (partial, slot) = (staged.path(), &staged.slot);
            let (header, size_bytes) = header::read(&partial)?;
            let record = UserImageRecord {
                name: new.name,
                source: new.source,
                digest: digest.as_ref().map(ToString::to_string),
                created: Timestamp::now(),
                format: header.format,
                size_bytes,
                virtual_size_bytes: header.virtual_size_bytes,
                default_user: new.default_user,
                firmware: new.firmware,
                committed: new.committed,
            };
            let failed = |source| file::write_failed(&partial, source);
            // A record never speaks of bytes that a power failure could still take away.
            std::fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(failed)?;
            slot.put(&record, |image| {
                std::fs::rename(&partial, image).map_err(failed)?;
                if let Some(digest) = &digest {
                    digests.remember(image, digest);
                }
                Ok(())
            })
        })
        .await?
    }

    /// The digest that the image has to have: what is recorded, else that of its bytes as they are now, which is
    /// recorded.
    ///
    /// # Errors
    /// When the image can't be read, or its record not written.
    pub(in crate::image) async fn digest(
        &self,
        slot: &Slot,
        record: &UserImageRecord,
        progress: Option<Progress>,
    ) -> Result<Digest, Error> {
        if let Some(recorded) = &record.digest {
            return Ok(recorded.parse()?);
        }
        let digest = self.digests.of_file(&slot.image(), Algorithm::Sha256, progress).await?;
        // Whoever holds the lock puts another image there.
        if let Some(_lock) = fs::try_lock(&slot.lock())?
            && slot.load().as_ref() == Some(record)
        {
            let used = slot.last_used();
            slot.save(&UserImageRecord { digest: Some(digest.to_string()), ..record.clone() })?;
            slot.touch_at(used.unwrap_or_else(SystemTime::now));
        }
        Ok(digest)
    }

    /// What imports and commits left that were killed: files that were being made, and images that no record names.
    /// Blocks shortly.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn abandoned(&self) -> Result<Vec<Leftover>, Error> {
        leftovers::all_of(Slot::unfinished(&self.folder)?)
    }

    /// Removes what [`UserImages::abandoned`] found, unless somebody is at it by now. Blocks shortly.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove_abandoned(&self, leftover: &Leftover) -> Result<(), Error> {
        leftovers::remove(Slot::unfinished(&self.folder)?, leftover)
    }

    /// Removes the files of locks that killed processes have left. Blocks shortly.
    pub(super) fn sweep_locks(&self) {
        Slot::sweep_locks(&self.folder);
    }

    /// The place of the image of this name, and its record, if there is one. Blocks shortly.
    pub(in crate::image) fn find(&self, name: &str) -> Option<(Slot, UserImageRecord)> {
        check_name(name).ok()?;
        let slot = Slot::named(&self.folder, name);
        // Between the two another image may have taken its place.
        let find = || slot.current::<UserImageRecord>().filter(|(slot, _)| slot.image().is_file());
        find().or_else(find)
    }

    /// Names that look like this one, the nearest first. Blocks shortly.
    pub(in crate::image) fn nearest(&self, name: &str) -> Vec<String> {
        let names: Vec<String> =
            self.all().unwrap_or_default().into_iter().map(|(_, record)| record.name).collect();
        nearest(name, names.iter().map(String::as_str))
    }

    /// All that have a record. Blocks shortly.
    pub(in crate::image) fn all(&self) -> Result<Vec<(Slot, UserImageRecord)>, Error> {
        let slots = Slot::all(&self.folder)?.into_iter();
        Ok(slots.filter_map(|slot| slot.current()).collect())
    }
}
