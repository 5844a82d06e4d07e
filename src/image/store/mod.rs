//! Images by reference, and where they are kept: the cache of downloads and the user's own images.

mod cached;
mod leftovers;
mod lookup;
mod pull;
mod record;
mod stored_image;
#[cfg(test)]
mod tests;
mod user_images;

pub use leftovers::Leftover;
pub use pull::{Freshness, Pulled};
pub use stored_image::{StoredImage, StoredImageKind};
pub use user_images::{NewImage, Staged, UserImages};

use std::path::{Path, PathBuf};

use self::record::{Record, Slot};
use self::user_images::UserImageRecord;
use crate::image::file::SourceFile;
use crate::image::{
    Catalog, DigestCache, Error, Format, HOST_ARCH, Limits, LocalImage, Progress, Provisioner, Reference,
    header,
};
use crate::model::{Algorithm, Mirror};
use crate::system::fs;

/// Images by reference: files where they lie, all else through a cache of this user's.
///
/// ```text
/// CACHE/images/NAME-HASH.json     where it came from, its digest, its file: see Slot
/// CACHE/images/NAME-HASH.img      the image; NAME-HASH~XXXXXXXX.img of one that took another's place
/// CACHE/images/NAME-HASH.partial  a download that has not been checked, with .resume and .unpacked
/// CACHE/images/NAME-HASH.lock     there while it is held: while one is under way
/// CACHE/digests/                  digests of files, see DigestCache
/// DATA/images/                    images of the user's own, see UserImages
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    pub(in crate::image) images: PathBuf,
    pub(in crate::image) user_images: UserImages,
    pub(in crate::image) catalog: Catalog,
    pub(in crate::image) digests: DigestCache,
    pub(in crate::image) limits: Limits,
    /// The architecture of whose builds the catalogue's names speak, as QEMU names it.
    arch: String,
    mirrors: Vec<Mirror>,
    takes_unvouched: bool,
}

impl Store {
    /// The store that keeps downloads in `cache_dir` and the user's own images in `data_dir`, which are made
    /// when they are needed.
    pub fn new(cache_dir: PathBuf, data_dir: &Path, catalog: Catalog) -> Self {
        let digests = DigestCache::new(cache_dir.join("digests"));
        Self {
            images: cache_dir.join("images"),
            user_images: UserImages::new(data_dir.join("images"), digests.clone()),
            digests,
            catalog,
            limits: Limits::default(),
            arch: HOST_ARCH.to_owned(),
            mirrors: Vec::new(),
            takes_unvouched: false,
        }
    }

    /// With the builds of another architecture than this host's, by QEMU's name of it.
    #[must_use]
    pub fn with_arch(mut self, arch: &str) -> Self {
        arch.clone_into(&mut self.arch);
        self
    }

    /// With servers that are asked before those that a URL names.
    #[must_use]
    pub fn with_mirrors(mut self, mirrors: &[Mirror]) -> Self {
        self.mirrors = mirrors.to_vec();
        self
    }

    /// Whether it downloads what no checksum vouches for. By plain http it never does.
    #[must_use]
    pub fn taking_unvouched(mut self, takes: bool) -> Self {
        self.takes_unvouched = takes;
        self
    }

    /// With other limits on downloads.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Images that the user imported or committed.
    pub fn user_images(&self) -> &UserImages {
        &self.user_images
    }

    /// Makes sure that the image is on this machine. One in the cache is used without any network.
    /// Dropping the future ends a download; nothing unchecked takes an image's name.
    ///
    /// # Errors
    /// All but those of cloud-init; see [`Error`].
    pub async fn obtain(
        &self,
        reference: &Reference,
        progress: Option<Progress>,
    ) -> Result<LocalImage, Error> {
        match reference {
            Reference::File(path) => return self.file(path, progress).await,
            Reference::Catalog(name) => {
                if let Some((slot, record)) = self.user_images.find(name) {
                    return self.user_image(&slot, record, progress).await;
                }
            }
            Reference::Url { .. } => {}
        }
        let wanted = self.wanted(reference, None)?;
        let slot = self.slot(&wanted);
        if let Some((image, _)) = self.cached(&slot, &wanted).await? {
            slot.touch();
            return Ok(image);
        }
        self.check_vouched(&wanted)?;
        let lock = self.lock(&slot).await?;
        // Another process may have been faster.
        if let Some((image, _)) = self.cached(&slot, &wanted).await? {
            return Ok(image);
        }
        self.fetch(slot.clone(), wanted.clone(), None, progress, lock).await?;
        self.fetched(&slot, &wanted).await
    }

    /// Whether [`Self::obtain`] would refuse to download it, for nothing vouches for it.
    ///
    /// # Errors
    /// [`Error::Unvouched`], [`Error::UnknownImage`].
    pub fn check_reference(&self, reference: &Reference) -> Result<(), Error> {
        match reference {
            Reference::File(_) => Ok(()),
            Reference::Catalog(name) if self.user_images.find(name).is_some() => Ok(()),
            other => self.check_vouched(&self.wanted(other, None)?),
        }
    }

    /// The user that the image makes, as far as that is known before the image is obtained. Blocks shortly.
    pub fn default_user(&self, reference: &Reference) -> Option<String> {
        if let Reference::Catalog(name) = reference
            && let Some((_, record)) = self.user_images.find(name)
        {
            return record.default_user;
        }
        self.published(reference)?.1.default_user.clone()
    }

    /// What sets up the image's guests, as far as that is known before the image is obtained. Blocks shortly.
    pub fn provisioner(&self, reference: &Reference) -> Provisioner {
        match reference {
            Reference::Catalog(name) if self.user_images.find(name).is_some() => Provisioner::default(),
            other => self.published(other).map(|(entry, _)| entry.provisioner).unwrap_or_default(),
        }
    }

    /// Whether [`Self::obtain`] would need no network. A file counts if it exists. Blocks shortly.
    pub fn is_cached(&self, reference: &Reference) -> bool {
        match reference {
            Reference::File(path) => return path.is_file(),
            Reference::Catalog(name) if self.user_images.find(name).is_some() => return true,
            Reference::Catalog(_) | Reference::Url { .. } => {}
        }
        self.wanted(reference, None).is_ok_and(|wanted| {
            self.slot(&wanted).current::<Record>().is_some_and(|(slot, _)| slot.image().is_file())
        })
    }

    async fn user_image(
        &self,
        slot: &Slot,
        record: UserImageRecord,
        progress: Option<Progress>,
    ) -> Result<LocalImage, Error> {
        let expected = self.user_images.digest(slot, &record, progress.clone()).await?;
        let mut image = self.file(&slot.image(), progress).await?;
        if image.digest != expected {
            return Err(Error::DigestMismatch { name: record.name, expected, actual: image.digest });
        }
        slot.touch();
        image.name = record.name;
        image.source = record.source;
        image.default_user = record.default_user;
        image.firmware = record.firmware;
        image.committed = record.committed;
        image.stamp = None;
        Ok(image)
    }

    pub(in crate::image) async fn slots(
        &self,
        find: fn(&Path) -> Result<Vec<Slot>, Error>,
    ) -> Result<Vec<Slot>, Error> {
        let images = self.images.clone();
        tokio::task::spawn_blocking(move || find(&images)).await?
    }

    pub(in crate::image) async fn lock(&self, slot: &Slot) -> Result<fs::LockGuard, Error> {
        Ok(fs::lock(&slot.lock()).await?)
    }

    async fn file(&self, path: &Path, progress: Option<Progress>) -> Result<LocalImage, Error> {
        let shown = path.display().to_string();
        let owned = path.to_owned();
        let look = move || -> Result<_, Error> {
            let source = SourceFile::open(&owned)?;
            let (header, _) = header::read(&owned)?;
            Ok((source, header))
        };
        let (source, header) = tokio::task::spawn_blocking(look).await??;
        if header.format == Format::Iso {
            return Err(Error::Iso { name: shown });
        }
        let digest = self.digests.of_file(path, Algorithm::Sha256, progress).await?;
        let image = LocalImage {
            path: path.to_owned(),
            name: path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned()),
            source: shown,
            format: header.format,
            virtual_size_bytes: header.virtual_size_bytes,
            file_size_bytes: source.size_bytes(),
            digest,
            verified: true,
            committed: false,
            default_user: None,
            firmware: None,
            cpu_floor: None,
            stamp: Some(source.stamp().clone()),
        };
        // What the path leads to is still what was looked at.
        tokio::task::spawn_blocking(move || image.check_unchanged().map(|()| image)).await?
    }
}
