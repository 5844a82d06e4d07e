//! The shared base images in the storage pool.
//!
//! A base is uploaded once and never changed; its name is its digest. An upload is not atomic, so a base
//! counts as whole only when its marker stands beside it, a small volume that is made last and records
//! what the base is. A base without a marker is either being uploaded by somebody, and then its file
//! changes, or was given up.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::disks::format_name;
use crate::host;
use crate::image::{Format, LocalImage, Reference, Store};
use crate::libvirt::{self, Pool, VolumeSpec};
use crate::manager::image::{image_store, progress_of};
use crate::manager::{Error, Event, VmManager, Warning};
use crate::model::{DiskSize, Timestamp};

/// The beginning of the names of all that belongs to bases.
pub(in crate::manager) const PREFIX: &str = "vmtools-base-";
/// The end of a marker's name.
pub(in crate::manager) const MARKER: &str = ".json";
/// An upload that hasn't written for so long was given up.
pub(in crate::manager) const STALE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(500);

/// The base's volume name in its pool. 128 bits of the digest tell any two images apart.
pub(super) fn volume_name(image: &LocalImage) -> String {
    format!("{PREFIX}{}.{}", &image.digest.hex()[..32], format_name(image.format))
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

impl VmManager {
    pub(in crate::manager) fn image_store(&self) -> Result<Store, Error> {
        Ok(image_store(&self.paths)?.with_mirrors(&self.config.image.mirrors))
    }

    /// The image as a local file; downloaded if it must be, and then only with a checksum unless the caller
    /// takes it as it is.
    pub(super) async fn obtain(
        &self,
        reference: &Reference,
        takes_unvouched: bool,
    ) -> Result<LocalImage, Error> {
        let store = self.image_store()?.taking_unvouched(takes_unvouched);
        let progress = progress_of(&self.observer, &reference.to_string());
        let image = store.obtain(reference, Some(progress)).await?;
        if !image.verified {
            self.report(Event::Warning(Warning::Unverified { image: image.name.clone() }));
        }
        Ok(image)
    }

    /// The pool for VMs' disks; with `act` it is made if there is none.
    pub(in crate::manager) async fn storage_pool(&self, act: bool) -> Result<Pool, Error> {
        let name = self.config.storage.pool.as_str();
        if let Some(pool) = self.client.pool(name).await? {
            return Ok(pool);
        }
        let folder = match &self.config.storage.path {
            Some(path) => path.to_string_lossy().into_owned(),
            None if self.uri().is_session() => {
                self.paths.data_folder().join("disks").to_string_lossy().into_owned()
            }
            None => format!("/var/lib/libvirt/images/{name}"),
        };
        if act {
            return Ok(self.client.make_folder_pool(name, &folder).await?);
        }
        Ok(Pool { name: name.to_owned(), path: folder, kind: "dir".into(), available_bytes: u64::MAX })
    }

    /// The bytes that a pool has room for.
    pub(in crate::manager) fn room_in(&self, pool: &Pool) -> u64 {
        // What root alone may fill does not count; libvirt does count it.
        let free = self.uri().is_local().then(|| host::disk_free(Path::new(&pool.path)).ok()).flatten();
        pool.available_bytes.min(free.unwrap_or(u64::MAX))
    }

    /// The path of the base in the pool; uploaded if it isn't there.
    pub(super) async fn base(&self, image: &LocalImage, volume: &str, pool: &str) -> Result<String, Error> {
        let marker = marker_name(volume);
        let mut said = false;
        loop {
            let mut found = self.client.find_volumes(pool, &[volume, &marker]).await?.into_iter();
            match (found.next().flatten(), found.next().flatten()) {
                (Some(base), Some(_)) => return Ok(base.path),
                (Some(base), None) if !is_stale(base.modified) => {
                    // Somebody else is at it. Let libvirt look how far it is.
                    if !std::mem::replace(&mut said, true) {
                        self.report(Event::Step {
                            vm: &image.name,
                            what: "waiting for another process that copies it",
                        });
                    }
                    self.interrupt
                        .race(async {
                            let _: () = tokio::time::sleep(PAUSE).await;
                            Ok(())
                        })
                        .await?;
                    match self.client.refresh_pool(pool).await {
                        Ok(()) | Err(libvirt::Error::Busy { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                (Some(_), None) => self.client.delete_volume(pool, volume).await?,
                (None, _) => match self.upload(image, volume, pool).await {
                    // Another was faster between the question and the upload.
                    Err(Error::Libvirt(libvirt::Error::Exists { .. })) => {}
                    Err(error) => return Err(error),
                    Ok(()) => {}
                },
            }
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
        self.client.make_volume(pool, &spec(volume, 0)).await?;
        self.report(Event::Step { vm: &image.name, what: "copying it into the storage pool" });
        let sparse = image.format == Format::Raw;
        let copied = self
            .interrupt
            .race(async {
                self.client.upload_file(pool, volume, &image.path, sparse).await?;
                // The file is the user's, who may have a VM on it by now.
                Ok(image.check_unchanged()?)
            })
            .await;
        if let Err(error) = copied {
            // What is left of it is no use; `gc` removes it if this can't.
            let _ = self.client.delete_volume(pool, volume).await;
            return Err(error);
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
        self.client.make_volume(pool, &spec(&marker, record.len() as u64)).await?;
        self.client.fill_volume(pool, &marker, &record).await?;
        Ok(())
    }

    /// libvirtd 11.3 was seen to go away during an upload that filled the disk, so it is not tried.
    async fn check_room_for_upload(&self, image: &LocalImage, pool: &str) -> Result<(), Error> {
        let Some(pool) = self.client.pool(pool).await? else { return Ok(()) };
        // Holes of a raw image take no room.
        let needed = std::fs::metadata(&image.path)
            .map_or(image.file_size_bytes, |meta| meta.len().min(meta.blocks() * 512));
        let available = self.room_in(&pool);
        if available >= needed {
            return Ok(());
        }
        let size = DiskSize::from_bytes;
        Err(Error::NoRoom { pool: pool.name, available: size(available), needed: size(needed) })
    }
}

/// Whether an upload has been given up. Without a time it can't be told, and then it hasn't.
pub(in crate::manager) fn is_stale(modified: Option<SystemTime>) -> bool {
    modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > STALE)
}
