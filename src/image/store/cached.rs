//! What lies in the cache: looked at before it is trusted, and put there once it has been checked.

use super::Store;
use super::record::{Record, Slot};
use crate::image::download::{CachedCopy, Downloader, RemoteImage};
use crate::image::{Error, LocalImage, Progress, header};
use crate::system::fs;

impl Store {
    /// The image as `wanted`, if the cache has it.
    pub(in crate::image) async fn cached(
        &self,
        slot: &Slot,
        wanted: &RemoteImage,
    ) -> Result<Option<(LocalImage, Record)>, Error> {
        let (mut image, record) = match self.look(slot).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => {
                log::warn!("downloading the cached image again: {error}");
                return Ok(None);
            }
        };
        let Some(expected) = &wanted.digest else {
            return Ok(Some((image, record)));
        };
        let is_same = match &record.packed_digest {
            // What it was unpacked of is no longer there to be read.
            Some(packed) => *packed == expected.to_string(),
            None => {
                let actual = self.digests.of_file(&image.path, expected.algorithm(), None).await?;
                let is_same = actual == *expected;
                image.digest = actual;
                is_same
            }
        };
        if !is_same {
            log::warn!("{} has a different digest in the cache; downloading the image again", record.url);
            return Ok(None);
        }
        image.verified = true;
        Ok(Some((image, record)))
    }

    /// What was fetched just now.
    pub(in crate::image) async fn fetched(
        &self,
        slot: &Slot,
        wanted: &RemoteImage,
    ) -> Result<LocalImage, Error> {
        let found = self.cached(slot, wanted).await?;
        found.map(|(image, _)| image).ok_or_else(|| Error::Changed { path: slot.image() })
    }

    /// What lies in `slot`, if its bytes are still those of its record.
    pub(in crate::image) async fn look(&self, slot: &Slot) -> Result<Option<(LocalImage, Record)>, Error> {
        let slot = slot.clone();
        let read = move || -> Result<_, Error> {
            let Some((slot, record)) = slot.current::<Record>() else { return Ok(None) };
            let path = slot.image();
            let Some(digest) = record.digest().filter(|_| path.exists()) else { return Ok(None) };
            let header = header::read(&path)?;
            Ok(Some((path, record, digest, header)))
        };
        let Some((path, record, digest, (header, file_size_bytes))) =
            tokio::task::spawn_blocking(read).await??
        else {
            return Ok(None);
        };
        let actual = self.digests.of_file(&path, digest.algorithm(), None).await?;
        if actual != digest {
            return Err(Error::DigestMismatch { name: path.display().to_string(), expected: digest, actual });
        }
        let entry = self.entry_of(&record);
        let image = LocalImage {
            path,
            name: record.name.clone(),
            source: record.url.clone(),
            format: header.format,
            virtual_size_bytes: header.virtual_size_bytes,
            file_size_bytes,
            digest,
            verified: record.verified,
            committed: false,
            default_user: entry.and_then(|(_, build)| build.default_user.clone()),
            firmware: entry.and_then(|(_, build)| build.firmware),
            cpu_floor: entry.and_then(|(_, build)| build.cpu_floor),
            stamp: None,
        };
        Ok(Some((image, record)))
    }

    /// Downloads into `slot`; `false`: what is `present` is the same. The thread keeps the lock for as long
    /// as it writes.
    pub(in crate::image) async fn fetch(
        &self,
        slot: Slot,
        wanted: RemoteImage,
        present: Option<CachedCopy>,
        progress: Option<Progress>,
        lock: fs::LockGuard,
    ) -> Result<bool, Error> {
        let limits = if present.is_some() { self.limits.for_a_look() } else { self.limits };
        let (client, _hangup) = Downloader::new(limits);
        let digests = self.digests.clone();
        tokio::task::spawn_blocking(move || {
            let _lock = lock;
            let fetched = wanted.fetch(&client, &slot.partial(), present.as_ref(), progress.as_ref())?;
            let Some((url, downloaded)) = fetched else { return Ok(false) };
            let record = Record {
                name: wanted.name.clone(),
                url,
                digest: downloaded.digest.to_string(),
                verified: wanted.is_vouched(),
                packed_digest: downloaded.packed_digest.as_ref().map(ToString::to_string),
                validator: downloaded.validator.clone(),
                named: wanted.named.clone(),
            };
            let digest = downloaded.digest.clone();
            slot.put(&record, |image| {
                downloaded.keep_as(image)?;
                digests.remember(image, &digest);
                Ok(())
            })?;
            Ok(true)
        })
        .await?
    }
}
