use std::path::{Path, PathBuf};

use super::fetch::Client;
use super::own::{OwnImages, OwnRecord};
use super::record::{Record, Slot};
use super::source::Wanted;
use super::{Catalog, DigestCache, Entry, Error, Format, Limits, LocalImage, Progress, Reference, header};
use crate::model::Algorithm;
use crate::system::fs;

/// Images by reference: files where they lie, all else through a cache of this user's.
///
/// ```text
/// CACHE/images/NAME-HASH.img      the image
/// CACHE/images/NAME-HASH.json     where it came from and its digest; written last
/// CACHE/images/NAME-HASH.partial  a download that has not been checked
/// CACHE/images/NAME-HASH.lock     held while one is under way
/// CACHE/digests/                  digests of files, see DigestCache
/// DATA/images/                    images of the user's own, see OwnImages
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) images: PathBuf,
    pub(super) own: OwnImages,
    catalog: Catalog,
    digests: DigestCache,
    limits: Limits,
}

impl Store {
    /// The store that keeps downloads in `cache_dir` and the user's own images in `data_dir`, which are made
    /// when they are needed.
    pub fn new(cache_dir: PathBuf, data_dir: &Path, catalog: Catalog) -> Self {
        let digests = DigestCache::new(cache_dir.join("digests"));
        Self {
            images: cache_dir.join("images"),
            own: OwnImages::new(data_dir.join("images"), digests.clone()),
            digests,
            catalog,
            limits: Limits::default(),
        }
    }

    /// With other limits on downloads.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The images that have a name.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The images of the user's own.
    pub fn own(&self) -> &OwnImages {
        &self.own
    }

    /// The remembered digests of files.
    pub fn digests(&self) -> &DigestCache {
        &self.digests
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
        let wanted = match reference {
            Reference::File(path) => return self.file(path, progress).await,
            Reference::Url { url, digest } => Wanted::url(url, digest.as_ref()),
            Reference::Catalog(name) => match self.own.find(name) {
                Some((slot, record)) => return self.own_image(&slot, record, progress).await,
                None => Wanted::entry(self.resolve(name)?),
            },
        };
        let slot = Slot::new(&self.images, &wanted.label, wanted.key());
        if let Some(image) = self.cached(&slot, &wanted).await? {
            slot.touch();
            return Ok(image);
        }
        let lock = fs::lock(&slot.lock()).await?;
        // Another process may have been faster.
        if let Some(image) = self.cached(&slot, &wanted).await? {
            return Ok(image);
        }
        self.fetch(slot.clone(), wanted.clone(), progress, lock).await?;
        match self.cached(&slot, &wanted).await? {
            Some(image) => Ok(image),
            None => Err(Error::Changed { path: slot.image() }),
        }
    }

    /// Whether [`Self::obtain`] would need no network. A file counts if it exists. Blocks shortly.
    pub fn is_cached(&self, reference: &Reference) -> bool {
        let wanted = match reference {
            Reference::File(path) => return path.is_file(),
            Reference::Url { url, digest } => Wanted::url(url, digest.as_ref()),
            Reference::Catalog(name) if self.own.find(name).is_some() => return true,
            Reference::Catalog(name) => match self.catalog.resolve(name) {
                Ok(entry) => Wanted::entry(entry),
                Err(_) => return false,
            },
        };
        let slot = Slot::new(&self.images, &wanted.label, wanted.key());
        slot.image().is_file() && slot.load::<Record>().is_some()
    }

    /// The catalogue's entry; if there is none, names of the user's own images are thought of too.
    fn resolve(&self, name: &str) -> Result<&Entry, Error> {
        self.catalog.resolve(name).map_err(|error| match error {
            Error::UnknownImage { name, nearest } => {
                let own = self.own.nearest(&name);
                Error::UnknownImage { name, nearest: own.into_iter().chain(nearest).take(3).collect() }
            }
            other => other,
        })
    }

    async fn own_image(
        &self,
        slot: &Slot,
        record: OwnRecord,
        progress: Option<Progress>,
    ) -> Result<LocalImage, Error> {
        let mut image = self.file(&slot.image(), progress).await?;
        if image.digest.to_string() != record.digest {
            let expected = record.digest.parse()?;
            return Err(Error::DigestMismatch { name: record.name, expected, actual: image.digest });
        }
        slot.touch();
        image.name = record.name;
        image.source = record.source;
        image.default_user = record.default_user;
        image.firmware = record.firmware;
        image.committed = record.committed;
        Ok(image)
    }

    async fn file(&self, path: &Path, progress: Option<Progress>) -> Result<LocalImage, Error> {
        let owned = path.to_owned();
        let (header, file_size_bytes) = tokio::task::spawn_blocking(move || header::read(&owned)).await??;
        let shown = path.display().to_string();
        if header.format == Format::Iso {
            return Err(Error::Iso { name: shown });
        }
        let digest = self.digests.of_file(path, Algorithm::Sha256, progress).await?;
        Ok(LocalImage {
            path: path.to_owned(),
            name: path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned()),
            source: shown,
            format: header.format,
            virtual_size_bytes: header.virtual_size_bytes,
            file_size_bytes,
            digest,
            verified: true,
            committed: false,
            default_user: None,
            firmware: None,
            cpu_floor: None,
        })
    }

    /// The image as `wanted`, if the cache has it.
    async fn cached(&self, slot: &Slot, wanted: &Wanted) -> Result<Option<LocalImage>, Error> {
        let (mut image, record) = match self.look(slot).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => {
                log::warn!("the image in the cache is fetched anew: {error}");
                return Ok(None);
            }
        };
        let Some(expected) = &wanted.digest else {
            return Ok(Some(image));
        };
        let actual = self.digests.of_file(&image.path, expected.algorithm(), None).await?;
        if actual != *expected {
            log::warn!("{} has changed since; the image is fetched anew", record.url);
            return Ok(None);
        }
        image.digest = actual;
        image.verified = true;
        Ok(Some(image))
    }

    /// What lies in `slot`, if its bytes are still those of its record.
    async fn look(&self, slot: &Slot) -> Result<Option<(LocalImage, Record)>, Error> {
        let (path, slot) = (slot.image(), slot.clone());
        let read = move || -> Result<_, Error> {
            let path = slot.image();
            let Some(record) = slot.load::<Record>().filter(|_| path.exists()) else { return Ok(None) };
            let Some(digest) = record.digest() else { return Ok(None) };
            Ok(Some((record, digest, header::read(&path)?)))
        };
        let Some((record, digest, (header, file_size_bytes))) = tokio::task::spawn_blocking(read).await??
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
            default_user: entry.and_then(|entry| entry.default_user.clone()),
            firmware: entry.and_then(|entry| entry.firmware),
            cpu_floor: entry.and_then(|entry| entry.cpu_floor),
        };
        Ok(Some((image, record)))
    }

    pub(super) fn entry_of(&self, record: &Record) -> Option<&Entry> {
        self.catalog.entries().iter().find(|entry| entry.name == record.name)
    }

    /// Downloads into `slot`. The thread keeps the lock for as long as it writes.
    async fn fetch(
        &self,
        slot: Slot,
        wanted: Wanted,
        progress: Option<Progress>,
        lock: fs::Lock,
    ) -> Result<(), Error> {
        let (client, _hangup) = Client::new(self.limits);
        let digests = self.digests.clone();
        tokio::task::spawn_blocking(move || {
            let _lock = lock;
            let (url, downloaded) = wanted.fetch(&client, &slot.partial(), progress.as_ref())?;
            let record = Record {
                name: wanted.name.clone(),
                url,
                digest: downloaded.digest.to_string(),
                verified: wanted.is_vouched(),
            };
            let digest = downloaded.digest.clone();
            // A record never stands beside another image than its own.
            slot.remove_record()?;
            downloaded.keep_as(&slot.image())?;
            digests.remember(&slot.image(), &digest);
            slot.save(&record)
        })
        .await?
    }
}
