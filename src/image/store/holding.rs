use std::path::PathBuf;

use super::Store;
use super::own::OwnRecord;
use super::record::{Record, Slot};
use crate::image::{Error, Format, header};
use crate::model::{Digest, Firmware, Timestamp};
use crate::system::fs;

/// How an image came to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldingKind {
    /// Downloaded into the cache; it can be had again.
    Download,
    /// Imported or committed; it can't be had again.
    Own,
}

/// An image that is kept on this machine, as its record tells.
#[derive(Debug, Clone)]
pub struct Holding {
    /// The name of its own or of the catalogue, or the URL.
    pub name: String,
    /// How it came here.
    pub kind: HoldingKind,
    /// Where its bytes came from.
    pub source: String,
    /// The digest that its bytes had when they came, or when it was first asked for.
    pub digest: Digest,
    /// The file.
    pub path: PathBuf,
    /// Its form; `None` when it is damaged.
    pub format: Option<Format>,
    /// The size of the file, in bytes.
    pub size_bytes: u64,
    /// The size of the disk that a guest sees, in bytes; `None` when it is damaged.
    pub virtual_size_bytes: Option<u64>,
    /// When it was imported or committed.
    pub created: Option<Timestamp>,
    /// When a VM was last made of it, or it came here.
    pub last_used: Option<Timestamp>,
    /// The user that it has, if that is known.
    pub default_user: Option<String>,
    /// The firmware that it needs, if that is known.
    pub firmware: Option<Firmware>,
    /// Whether a digest vouched for it, or it is the user's own.
    pub verified: bool,
    /// Whether it was a VM's disk.
    pub committed: bool,
    slot: Slot,
}

impl Store {
    /// All images that are kept, the user's own first, then by name.
    ///
    /// # Errors
    /// When a folder can't be listed, or an import that has no digest yet not be read.
    pub async fn holdings(&self) -> Result<Vec<Holding>, Error> {
        let store = self.clone();
        let list = move || -> Result<_, Error> {
            let own = store.own.all()?;
            let slots = Slot::all(&store.images)?.into_iter();
            Ok((own, slots.filter_map(|slot| store.of_download(slot)).collect::<Vec<_>>()))
        };
        let (own, mut holdings) = tokio::task::spawn_blocking(list).await??;
        for (slot, record) in own {
            holdings.extend(self.of_own(slot, record).await?);
        }
        holdings.sort_by(|a, b| {
            (a.kind == HoldingKind::Download, &a.name).cmp(&(b.kind == HoldingKind::Download, &b.name))
        });
        Ok(holdings)
    }

    async fn of_own(&self, slot: Slot, record: OwnRecord) -> Result<Option<Holding>, Error> {
        let Some((format, size_bytes, virtual_size_bytes)) = measure(&slot) else { return Ok(None) };
        Ok(Some(Holding {
            digest: self.own.digest(&slot, &record, None).await?,
            kind: HoldingKind::Own,
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

    /// Removes an image's files; waits for a download or import of it to end.
    ///
    /// # Errors
    /// When they can't be removed.
    pub async fn discard(&self, holding: &Holding) -> Result<(), Error> {
        let _lock = fs::lock(&holding.slot.lock()).await?;
        let slot = holding.slot.clone();
        tokio::task::spawn_blocking(move || slot.remove()).await?
    }

    fn of_download(&self, slot: Slot) -> Option<Holding> {
        let (slot, record) = slot.current::<Record>()?;
        let entry = self.entry_of(&record);
        let (format, size_bytes, virtual_size_bytes) = measure(&slot)?;
        Some(Holding {
            digest: record.digest()?,
            kind: HoldingKind::Download,
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
