use std::path::PathBuf;

use super::Store;
use super::record::{Record, Slot};
use super::user_images::UserImageRecord;
use crate::image::{Error, Format, header};
use crate::model::{Digest, Firmware, Timestamp};
use crate::system::fs;

/// How an image came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredImageKind {
    /// Downloaded into the cache; it can be downloaded again.
    Download,
    /// Imported or committed; the store may have the only copy.
    Own,
}

/// An image in the store on this machine, as recorded.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// The name given by the user or the catalogue, or the URL.
    pub name: String,
    /// How it came here.
    pub kind: StoredImageKind,
    /// Where its bytes came from.
    pub source: String,
    /// The digest of its bytes when they were stored, or of an import when it was first needed.
    pub digest: Digest,
    /// The file.
    pub path: PathBuf,
    /// The format; `None` when the header is damaged.
    pub format: Option<Format>,
    /// The size of the file, in bytes.
    pub size_bytes: u64,
    /// The size of the disk that a guest sees, in bytes; `None` when it is damaged.
    pub virtual_size_bytes: Option<u64>,
    /// When it was imported or committed.
    pub created: Option<Timestamp>,
    /// When a VM was last created from it, or when it was stored.
    pub last_used: Option<Timestamp>,
    /// The guest's default user, if known.
    pub default_user: Option<String>,
    /// The firmware that the guest needs, if known.
    pub firmware: Option<Firmware>,
    /// Whether its digest was checked, or it was imported or committed.
    pub verified: bool,
    /// Whether it was committed from a VM's disk.
    pub committed: bool,
    slot: Slot,
}

impl Store {
    /// All images in the store: imported and committed ones first, then by name.
    ///
    /// # Errors
    /// When a directory can't be listed, or an import that has no digest yet not be read.
    pub async fn stored_images(&self) -> Result<Vec<StoredImage>, Error> {
        let store = self.clone();
        let list = move || -> Result<_, Error> {
            let imported = store.user_images.all()?;
            let slots = Slot::all(&store.images)?.into_iter();
            Ok((imported, slots.filter_map(|slot| store.download_from(slot)).collect::<Vec<_>>()))
        };
        let (imported, mut images) = tokio::task::spawn_blocking(list).await??;
        for (slot, record) in imported {
            images.extend(self.user_image_from(slot, record).await?);
        }
        images.sort_by(|a, b| {
            (a.kind == StoredImageKind::Download, &a.name)
                .cmp(&(b.kind == StoredImageKind::Download, &b.name))
        });
        Ok(images)
    }

    async fn user_image_from(
        &self,
        slot: Slot,
        record: UserImageRecord,
    ) -> Result<Option<StoredImage>, Error> {
        let Some((format, size_bytes, virtual_size_bytes)) = measure(&slot) else { return Ok(None) };
        Ok(Some(StoredImage {
            digest: self.user_images.digest(&slot, &record, None).await?,
            kind: StoredImageKind::Own,
            path: slot.image(),
            format,
            size_bytes,
            virtual_size_bytes,
            created: Some(record.created),
            last_used: slot.last_used().map(Timestamp::from),
            default_user: record.default_user,
            firmware: record.firmware,
            verified: true,
            committed: record.committed,
            name: record.name,
            source: record.source,
            slot,
        }))
    }

    /// Removes an image's files, once a running download or import of it has ended.
    ///
    /// # Errors
    /// When they can't be removed.
    pub async fn discard(&self, stored: &StoredImage) -> Result<(), Error> {
        let _lock = fs::lock(&stored.slot.lock()).await?;
        let slot = stored.slot.clone();
        tokio::task::spawn_blocking(move || slot.remove()).await?
    }

    fn download_from(&self, slot: Slot) -> Option<StoredImage> {
        let (slot, record) = slot.current::<Record>()?;
        let entry = self.entry_of(&record);
        let (format, size_bytes, virtual_size_bytes) = measure(&slot)?;
        Some(StoredImage {
            digest: record.digest()?,
            kind: StoredImageKind::Download,
            path: slot.image(),
            format,
            size_bytes,
            virtual_size_bytes,
            created: None,
            last_used: slot.last_used().map(Timestamp::from),
            default_user: entry.and_then(|(_, build)| build.default_user.clone()),
            firmware: entry.and_then(|(_, build)| build.firmware),
            verified: record.verified,
            committed: false,
            name: record.name,
            source: record.url,
            slot,
        })
    }
}

/// The format, the file's size and the disk's; `None` when there is no file.
fn measure(slot: &Slot) -> Option<(Option<Format>, u64, Option<u64>)> {
    let path = slot.image();
    match header::read(&path) {
        Ok((header, size_bytes)) => Some((Some(header.format), size_bytes, Some(header.virtual_size_bytes))),
        Err(_) => Some((None, std::fs::metadata(&path).ok()?.len(), None)),
    }
}
