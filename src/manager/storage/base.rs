//! The shared base images in the storage pool.
//!
//! A base is uploaded once and never changed; its name is its digest. An upload is not atomic, so a base
//! counts as whole only when its marker stands beside it, a small volume that is made last and records
//! what the base is. A base without a marker is either being uploaded by somebody, and then its file
//! changes, or was abandoned.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::image::{self, Format, LocalImage};
use crate::libvirt::{self, Volume, VolumeSpec};
use crate::manager::claim::{Claim, Subject};
use crate::manager::inventory::{DeletionSet, Inventory};
use crate::manager::storage::Storage;
use crate::manager::{Error, Event, Place, Step, StorageError};
use crate::model::{DiskSize, Timestamp};

/// The beginning of the names of all that belongs to bases.
pub(in crate::manager) const PREFIX: &str = "vmtools-base-";
/// The end of a marker's name.
pub(in crate::manager) const MARKER: &str = ".json";
/// An upload that hasn't written for so long was abandoned.
pub(in crate::manager) const STALE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_secs(2);
/// How often a base is looked for that others upload or remove meanwhile.
const TRIES: usize = 5;

/// The base's volume name in its pool. 128 bits of the digest tell any two images apart.
pub(in crate::manager) fn volume_name(image: &LocalImage) -> String {
    format!("{PREFIX}{}.{}", &image.digest.hex()[..32], format_name(image.format))
}

/// Whether a volume of this name is a base image, its marker aside.
pub(in crate::manager) fn is_base(volume: &str) -> bool {
    volume.starts_with(PREFIX) && !volume.ends_with(MARKER)
}

/// Whether the file is a base image, by its name.
pub(in crate::manager) fn is_base_file(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(is_base)
}

/// Whether a volume of this name is a base's marker.
pub(in crate::manager) fn is_marker(volume: &str) -> bool {
    volume.starts_with(PREFIX) && volume.ends_with(MARKER)
}

/// The name of the base that a marker is of.
pub(in crate::manager) fn of_marker(marker: &str) -> &str {
    marker.strip_suffix(MARKER).unwrap_or(marker)
}

/// A base's marker's name.
pub(in crate::manager) fn marker_name(volume: &str) -> String {
    format!("{volume}{MARKER}")
}

/// What a marker records, for those who list images.
#[derive(serde::Serialize)]
struct Marker<'a> {
    name: &'a str,
    source: &'a str,
    digest: String,
    format: &'a str,
    virtual_size_bytes: u64,
    uploaded: Timestamp,
}

impl Storage<'_> {
    /// The path of the base in the pool, uploaded if it isn't there, and a claim under which it stays.
    ///
    /// # Errors
    /// When it can't be uploaded; [`StorageError::BaseBroken`] when the pool doesn't come to what it should.
    pub(in crate::manager) async fn base(
        &self,
        image: &LocalImage,
        volume: &str,
        pool: &str,
    ) -> Result<(String, Claim), Error> {
        for _ in 0..TRIES {
            let shared = self.op.claim_shared(Subject::Base(volume), &image.name).await?;
            if let (Some(base), true) = self.find_base(volume, pool).await? {
                return Ok((base.path, shared));
            }
            // Others who look for it wait, and then find it.
            drop(shared);
            let _claim = self.op.claim_exclusive_waiting(Subject::Base(volume), &image.name).await?;
            match self.find_base(volume, pool).await? {
                (_, true) => {}
                (Some(begun), false) => self.remove_given_up(begun, image, volume, pool).await?,
                (None, false) => match self.upload(image, volume, pool).await {
                    // A file that libvirt did not know, or another host's vmtools was faster.
                    Err(Error::Libvirt(libvirt::Error::Exists { .. })) => self.refresh(pool).await?,
                    other => other?,
                },
            }
        }
        Err(StorageError::BaseBroken { pool: pool.to_owned(), volume: volume.to_owned() }.into())
    }

    /// The base, and whether it is whole. One that libvirt still lists and whose file is gone is none.
    async fn find_base(&self, volume: &str, pool: &str) -> Result<(Option<Volume>, bool), Error> {
        for refreshed in [false, true] {
            let names = [volume, &marker_name(volume)];
            let mut found = self.op.client().volumes().find_each(pool, &names).await?.into_iter();
            let (base, marker) = (found.next().flatten(), found.next().flatten());
            let is_gone = |volume: &Volume| {
                self.op.locality().is_here()
                    && Path::new(&volume.path)
                        .symlink_metadata()
                        .is_err_and(|e| e.kind() == ErrorKind::NotFound)
            };
            if !refreshed && [&base, &marker].into_iter().flatten().any(is_gone) {
                self.refresh(pool).await?;
                continue;
            }
            let whole = base.is_some() && marker.is_some();
            return Ok((base, whole));
        }
        Ok((None, false))
    }

    /// Removes a base without a marker. Where other hosts' vmtools may be uploading it, its file has to stay as
    /// it is for a while first, by this host's clock: theirs may be another.
    async fn remove_given_up(
        &self,
        begun: Volume,
        image: &LocalImage,
        volume: &str,
        pool: &str,
    ) -> Result<(), Error> {
        let trace = |base: &Volume| (base.modified, base.allocation_bytes);
        let mut seen = trace(&begun);
        let folder = Path::new(&begun.path).parent().and_then(Path::to_str).unwrap_or("/");
        if !is_stale(begun.modified) && !self.op.claims_are_all(folder) {
            self.op.report(Event::Step { vm: &image.name, step: Step::AwaitUpload });
            // The whole time is waited out: without a write it ends the base.
            let mut retry = self.op.retry(STALE).every(PAUSE);
            while retry.again().await? {
                self.refresh(pool).await?;
                match self.find_base(volume, pool).await? {
                    (Some(now), false) if trace(&now) == seen => {}
                    (Some(now), false) => {
                        seen = trace(&now);
                        retry.extend(STALE);
                    }
                    _ => return Ok(()),
                }
            }
        }
        let needed_by = Inventory::load(self.op).await?.needed_by(&begun.path, &DeletionSet::default());
        if !needed_by.is_empty() {
            return Err(StorageError::InUse { path: begun.path, needed_by }.into());
        }
        self.refuse_open([begun.path.as_str()].into_iter()).await?;
        match self.op.client().volumes().delete(pool, volume).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => self.refresh(pool).await,
        }
    }

    async fn refresh(&self, pool: &str) -> Result<(), Error> {
        match self.op.client().pools().refresh(pool).await {
            Ok(()) | Err(libvirt::Error::Busy { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn upload(&self, image: &LocalImage, volume: &str, pool: &str) -> Result<(), Error> {
        self.check_room_for_upload(image, pool).await?;
        // Made as raw and empty, whatever the format: the bytes that come are the whole file.
        let spec = |name, capacity_bytes| VolumeSpec {
            name,
            capacity_bytes,
            format: "raw",
            mode: "0644",
            backing: None,
        };
        self.op.client().volumes().create(pool, &spec(volume, 0)).await?;
        self.op.report(Event::Step { vm: &image.name, step: Step::UploadBase });
        let sparse = image.format == Format::Raw;
        let copied = self
            .op
            .race(async {
                self.op.client().volumes().upload_file(pool, volume, &image.path, sparse).await?;
                // The file is the user's, who may have a VM on it by now.
                Ok(image.check_unchanged()?)
            })
            .await;
        if let Err(error) = copied {
            // What is left of it is no use; `gc` removes it if this can't.
            let _ = self.op.client().volumes().delete(pool, volume).await;
            // An image of the store goes when another takes its place.
            let is_gone = !image.path.exists() && !matches!(error, Error::Interrupted);
            return Err(if is_gone {
                image::Error::Changed { path: image.path.clone() }.into()
            } else {
                error
            });
        }
        let record = Marker {
            name: &image.name,
            source: &image.source,
            digest: image.digest.to_string(),
            format: format_name(image.format),
            virtual_size_bytes: image.virtual_size_bytes,
            uploaded: Timestamp::now(),
        };
        let record = serde_json::to_vec(&record).unwrap_or_default();
        let marker = marker_name(volume);
        self.op.client().volumes().create(pool, &spec(&marker, record.len() as u64)).await?;
        self.op.client().volumes().fill(pool, &marker, &record).await?;
        Ok(())
    }

    /// libvirtd 11.3 was seen to go away during an upload that filled the disk, so it is not tried.
    async fn check_room_for_upload(&self, image: &LocalImage, pool: &str) -> Result<(), Error> {
        let Some(pool) = self.running_pool(pool).await? else { return Ok(()) };
        // Holes of a raw image take no room.
        let needed = std::fs::metadata(&image.path)
            .map_or(image.file_size_bytes, |meta| meta.len().min(meta.blocks() * 512));
        let available = self.room_in(&pool);
        if available >= needed {
            return Ok(());
        }
        let size = DiskSize::from_bytes;
        Err(StorageError::NoSpace {
            place: Place::Pool(pool.name),
            available: size(available),
            needed: size(needed),
        }
        .into())
    }
}

/// Whether an upload has been abandoned. Without a time, or with one that is yet to come, it cannot be determined, and
/// then it hasn't.
pub(in crate::manager) fn is_stale(modified: Option<SystemTime>) -> bool {
    stale_from(modified).is_some_and(|time| time < SystemTime::now())
}

/// From when on what was last written to at that time counts as abandoned, if nobody writes to it again.
pub(in crate::manager) fn stale_from(modified: Option<SystemTime>) -> Option<SystemTime> {
    modified.map(|time| time + STALE)
}

/// The format's name in libvirt and QEMU.
pub(in crate::manager) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Qcow2 => "qcow2",
        Format::Raw | Format::Iso => "raw",
    }
}
