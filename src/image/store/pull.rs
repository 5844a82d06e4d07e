//! Fetching an image again: only what is new.

use std::time::SystemTime;

use super::Store;
use super::record::Record;
use crate::image::download::{CachedCopy, Named, RemoteImage};
use crate::image::reference::check_name;
use crate::image::{Error, LocalImage, Progress, Reference};
use crate::model::Digest;

/// An image after a pull.
#[derive(Debug)]
pub struct Pulled {
    /// The image in the cache.
    pub image: LocalImage,
    /// What there was to do.
    pub freshness: Freshness,
}

/// What there was to do for an image to be the publisher's present one.
#[derive(Debug)]
pub enum Freshness {
    /// It was fetched.
    Fetched,
    /// It was fetched in place of an older one.
    Replaced,
    /// It was the present one already.
    UpToDate,
    /// Nobody could be asked, and the one in the cache stays.
    Unchecked(Error),
}

impl Store {
    /// [`Self::pull`]s an image under a name of the user's own, which every reference may have from then on. It is
    /// a file of its own in the cache, whatever else is there.
    ///
    /// # Errors
    /// Those of [`Self::pull`]; [`Error::Invalid`] for a name that would be taken for a file; [`Error::NameTaken`]
    /// when an image of the user's own has it, the catalogue, or another download.
    pub async fn pull_as(
        &self,
        name: &str,
        reference: &Reference,
        checksum: Option<&Digest>,
        progress: Option<Progress>,
    ) -> Result<Pulled, Error> {
        check_name(name)?;
        let wanted = self.wanted(reference, checksum)?.called(name, reference);
        let is_same =
            |other: &Named| wanted.named.as_ref().is_some_and(|named| named.reference == other.reference);
        let other = self.named(name).is_some_and(|named| !is_same(&named));
        let is_taken = self.user_images.find(name).is_some() || self.catalog.resolve(name).is_ok() || other;
        if is_taken {
            return Err(Error::NameTaken { name: name.to_owned() });
        }
        self.pull_wanted(wanted, progress).await
    }

    /// Makes sure that the image is on this machine, and is what its publisher has at present: a catalogue
    /// image by its checksum document, a URL by asking for it unless it is still the same. With a digest,
    /// by the reference or `checksum`, what is in the cache and has it needs no network. Dropping the
    /// future ends a download.
    ///
    /// # Errors
    /// Those of [`Self::obtain`]; [`Error::NothingToPull`] for a file. A server that can't be asked is none
    /// if the cache has the image.
    pub async fn pull(
        &self,
        reference: &Reference,
        checksum: Option<&Digest>,
        progress: Option<Progress>,
    ) -> Result<Pulled, Error> {
        self.pull_wanted(self.wanted(reference, checksum)?, progress).await
    }

    async fn pull_wanted(&self, wanted: RemoteImage, progress: Option<Progress>) -> Result<Pulled, Error> {
        let started = SystemTime::now();
        self.check_vouched(&wanted)?;
        let slot = self.slot(&wanted);
        let lock = self.lock(&slot).await?;
        let Some((image, record)) = self.cached(&slot, &wanted).await? else {
            // Something may lie there that is another version.
            let freshness =
                if slot.load::<Record>().is_some() { Freshness::Replaced } else { Freshness::Fetched };
            self.fetch(slot.clone(), wanted.clone(), None, progress, lock).await?;
            return Ok(Pulled { image: self.fetched(&slot, &wanted).await?, freshness });
        };
        // Whoever held the lock meanwhile has asked.
        if wanted.digest.is_some() || slot.is_newer_than(started) {
            return Ok(Pulled { image, freshness: Freshness::UpToDate });
        }
        let present = present(&image, &record);
        match self.fetch(slot.clone(), wanted.clone(), Some(present), progress, lock).await {
            Ok(true) => {
                let image = self.fetched(&slot, &wanted).await?;
                Ok(Pulled { image, freshness: Freshness::Replaced })
            }
            Ok(false) => {
                // Those who wait for the lock needn't ask again.
                slot.touch();
                Ok(Pulled { image, freshness: Freshness::UpToDate })
            }
            Err(error) if error.is_absence() => Ok(Pulled { image, freshness: Freshness::Unchecked(error) }),
            Err(error) => Err(error),
        }
    }
}

fn present(image: &LocalImage, record: &Record) -> CachedCopy {
    let packed = record.packed_digest.as_ref().and_then(|digest| digest.parse().ok());
    CachedCopy {
        digest: packed.unwrap_or_else(|| image.digest.clone()),
        url: record.url.clone(),
        validator: record.validator.clone(),
    }
}
