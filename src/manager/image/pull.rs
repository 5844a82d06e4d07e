//! Fetching images into this user's cache.

use super::{ImageStatus, image_store, progress_of};
use crate::image::{Freshness, LocalImage, Pulled, Reference, Store};
use crate::manager::claim::{Claim, Subject};
use crate::manager::image::Images;
use crate::manager::{Already, Error, Event, ImageError, Warning};
use crate::model::Digest;

/// How often an image is fetched that others remove meanwhile.
const TRIES: usize = 3;

/// An image to be fetched.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// A URL or a name of the catalogue.
    pub reference: String,
    /// The name to give it.
    pub name: Option<String>,
    /// What its bytes must have, as they are sent.
    pub checksum: Option<Digest>,
    /// Whether to take what no checksum vouches for.
    pub takes_unvouched: bool,
}

/// An image that has been pulled.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PulledImage {
    /// The image in the cache. The digest of one that was sent packed is the unpacked image's.
    #[serde(flatten)]
    pub image: ImageStatus,
    /// Whether nothing had to be fetched.
    #[serde(skip)]
    pub was_there: bool,
}

impl Images<'_> {
    pub(in crate::manager) fn image_store(&self) -> Result<Store, Error> {
        Ok(image_store(self.op.paths())?.with_mirrors(&self.op.config().image.mirrors))
    }

    /// The image as a local file; downloaded if it must be, and then only with a checksum unless the caller
    /// takes it as it is.
    pub(in crate::manager) async fn obtain(
        &self,
        reference: &Reference,
        takes_unvouched: bool,
    ) -> Result<LocalImage, Error> {
        let store = Images::of(self.op).image_store()?.taking_unvouched(takes_unvouched);
        let progress = progress_of(self.op.observer(), &reference.to_string());
        let image = store.obtain(reference, Some(progress)).await?;
        if !image.verified {
            self.op.report(Event::Warning(Warning::Unverified { image: image.name.clone() }));
        }
        Ok(image)
    }

    /// As [`Images::obtain`], and a claim under which the image stays.
    ///
    /// # Errors
    /// As there; [`Error::Claimed`] while the image is removed.
    pub(in crate::manager) async fn obtain_claimed(
        &self,
        reference: &Reference,
        takes_unvouched: bool,
    ) -> Result<(LocalImage, Claim), Error> {
        let mut removed_meanwhile = 0;
        loop {
            let image = match self.op.race(self.obtain(reference, takes_unvouched)).await {
                // Its record was read, and then another took its place.
                Err(Error::Image(error)) if error.is_missing_file() && removed_meanwhile < TRIES => {
                    removed_meanwhile += 1;
                    continue;
                }
                obtained => obtained?,
            };
            let claim = self.op.claim_shared(Subject::Image(image.digest.hex()), &image.name).await?;
            if image.path.exists() || removed_meanwhile == TRIES {
                return Ok((image, claim));
            }
            removed_meanwhile += 1;
        }
    }

    /// Makes sure that an image is in the cache and is the publisher's present one. libvirt need not be
    /// there.
    ///
    /// # Errors
    /// When it can't be had, or is not what it should be; nothing half-made stays under its name.
    pub async fn pull(&self, request: &PullRequest) -> Result<PulledImage, Error> {
        let reference: Reference = request.reference.parse().map_err(crate::image::Error::from)?;
        let store = self.image_store()?.taking_unvouched(request.takes_unvouched);
        let progress = progress_of(self.op.observer(), &reference.to_string());
        let pulled = self
            .op
            .race(async {
                let checksum = request.checksum.as_ref();
                Ok(match &request.name {
                    Some(name) => store.pull_as(name, &reference, checksum, Some(progress)).await?,
                    None => store.pull(&reference, checksum, Some(progress)).await?,
                })
            })
            .await?;
        let Pulled { image, freshness } = pulled;
        if !image.verified {
            self.op.report(Event::Warning(Warning::Unverified { image: image.name.clone() }));
        }
        match &freshness {
            Freshness::UpToDate => {
                self.op.report(Event::AlreadySo { name: &image.name, what: Already::UpToDate })
            }
            Freshness::Unchecked(error) => self.op.report(Event::Warning(Warning::Unchecked {
                image: image.name.clone(),
                reason: error.to_string(),
            })),
            Freshness::Fetched | Freshness::Replaced => {}
        }
        Ok(PulledImage {
            was_there: matches!(freshness, Freshness::UpToDate | Freshness::Unchecked(_)),
            image: self.status_of_cached(&image).await?,
        })
    }

    /// libvirt need not be there; nobody knows then what uses it.
    async fn status_of_cached(&self, image: &LocalImage) -> Result<ImageStatus, Error> {
        let path = image.path.to_string_lossy();
        let known: Vec<ImageStatus> = match self.items().await {
            Ok(items) => items.into_iter().map(|item| item.status).collect(),
            Err(Error::Libvirt(error)) if error.is_connection() => {
                self.image_store()?.stored_images().await?.iter().map(ImageStatus::from).collect()
            }
            Err(error) => return Err(error),
        };
        let found = known.into_iter().find(|status| status.path.as_deref() == Some(&*path));
        Ok(found.ok_or_else(|| ImageError::NotFound { name: image.name.clone(), nearest: None })?)
    }
}
