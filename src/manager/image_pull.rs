//! Fetching images into this user's cache.

use super::{Error, Event, VmManager, Warning};
use crate::image::{Format, Freshness, LocalImage, Pulled, Reference};
use crate::libvirt::Scope;
use crate::model::Digest;

/// An image to be fetched.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// A URL or a name of the catalogue.
    pub reference: String,
    /// What its bytes must have, as they are sent.
    pub checksum: Option<Digest>,
    /// Whether to take what no checksum vouches for.
    pub takes_unvouched: bool,
}

/// An image that has been pulled.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PulledImage {
    /// The name in the catalogue, or the URL.
    pub name: String,
    /// The digest of the image; of one that was sent packed, the unpacked image's.
    pub digest: Digest,
    /// Its form.
    pub format: Format,
    /// The size of its file.
    pub size_bytes: u64,
    /// The size of the disk that a guest sees.
    pub virtual_size_bytes: u64,
    /// Where it came from.
    pub source: String,
    /// The VMs that were made from it; `None` where no libvirt can be asked.
    pub used_by: Option<Vec<String>>,
    /// Whether nothing had to be fetched.
    #[serde(skip)]
    pub was_there: bool,
}

impl VmManager {
    /// Makes sure that an image is in the cache and is the publisher's present one. libvirt need not be
    /// there.
    ///
    /// # Errors
    /// When it can't be had, or is not what it should be; nothing half-made stays under its name.
    pub async fn pull_image(&self, request: &PullRequest) -> Result<PulledImage, Error> {
        let reference: Reference = request.reference.parse().map_err(crate::image::Error::from)?;
        let store = self.image_store()?.taking_unvouched(request.takes_unvouched);
        let progress = self.progress_of(&reference);
        let pulled = self
            .interrupt
            .race(async { Ok(store.pull(&reference, request.checksum.as_ref(), Some(progress)).await?) })
            .await?;
        let Pulled { image, freshness } = pulled;
        if !image.verified {
            self.report(Event::Warning(Warning::Unverified { image: image.name.clone() }));
        }
        match &freshness {
            Freshness::UpToDate => self.report(Event::AlreadySo { name: &image.name, what: "up to date" }),
            Freshness::Unchecked(error) => self.report(Event::Warning(Warning::Unchecked {
                image: image.name.clone(),
                reason: error.to_string(),
            })),
            Freshness::Fetched | Freshness::Replaced => {}
        }
        let used_by = self.users_of(&image).await;
        Ok(PulledImage {
            used_by,
            was_there: matches!(freshness, Freshness::UpToDate | Freshness::Unchecked(_)),
            name: image.name,
            digest: image.digest,
            format: image.format,
            size_bytes: image.file_size_bytes,
            virtual_size_bytes: image.virtual_size_bytes,
            source: image.source,
        })
    }

    async fn users_of(&self, image: &LocalImage) -> Option<Vec<String>> {
        let ids = self.client.domains(Scope::All).await.ok()?;
        let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
        let domains = self.client.domains_in_full(&uuids).await.ok()?;
        let digest = image.digest.to_string();
        let from_it = domains.into_iter().filter(|domain| {
            let record = domain.metadata.as_ref();
            record.is_some_and(|record| record.image_digest.as_ref() == Some(&digest))
        });
        Some(from_it.map(|domain| domain.name).collect())
    }
}
