//! What a reference stands for, and where it lies in the cache.

use std::path::Path;

use super::Store;
use super::record::{Record, Slot};
use crate::image::download::{Named, RemoteImage};
use crate::image::{Build, Entry, Error, Reference, check_regular};
use crate::model::Digest;

impl Store {
    /// What the reference, which is no file, stands for; `checksum` is what its bytes must have.
    pub(in crate::image) fn wanted(
        &self,
        reference: &Reference,
        checksum: Option<&Digest>,
    ) -> Result<RemoteImage, Error> {
        let mut wanted = match reference {
            Reference::File(path) => return Err(nothing_to_pull(path)),
            Reference::Url { url, digest } => RemoteImage::url(url, digest.as_ref()),
            Reference::Catalog(name) => match self.named(name) {
                Some(named) => self.wanted_by_name(name, &named)?,
                None => self.wanted_entry(name)?,
            },
        };
        wanted.digest = checksum.cloned().or(wanted.digest);
        Ok(wanted.with_mirrors(&self.mirrors))
    }

    /// What a name that the user gave a download stands for, if there is one of it. Blocks shortly.
    pub(in crate::image) fn named(&self, name: &str) -> Option<Named> {
        self.named_slot(name).load::<Record>()?.named
    }

    fn wanted_by_name(&self, name: &str, named: &Named) -> Result<RemoteImage, Error> {
        let reference: Reference = named.reference.parse()?;
        let mut wanted = match &reference {
            Reference::Url { url, digest } => RemoteImage::url(url, digest.as_ref()),
            Reference::Catalog(name) => self.wanted_entry(name)?,
            Reference::File(path) => return Err(nothing_to_pull(path)),
        };
        if let Some(checksum) = &named.checksum {
            wanted.digest = Some(checksum.parse()?);
        }
        Ok(wanted.called(name, &reference))
    }

    pub(in crate::image) fn slot(&self, wanted: &RemoteImage) -> Slot {
        match wanted.named {
            Some(_) => self.named_slot(&wanted.name),
            None => Slot::new(&self.images, &wanted.label, wanted.key()),
        }
    }

    /// No URL begins as this key does.
    fn named_slot(&self, name: &str) -> Slot {
        Slot::new(&self.images, name, &format!("name {name}"))
    }

    pub(in crate::image) fn check_vouched(&self, wanted: &RemoteImage) -> Result<(), Error> {
        let url = wanted.key().to_owned();
        let is_plaintext = !url.to_ascii_lowercase().starts_with("https:");
        if wanted.is_vouched() || (self.takes_unvouched && !is_plaintext) {
            return Ok(());
        }
        Err(Error::Unvouched { url, is_plaintext })
    }

    fn wanted_entry(&self, name: &str) -> Result<RemoteImage, Error> {
        let entry = self.resolve(name)?;
        Ok(RemoteImage::entry(entry, entry.build_for(&self.arch)?))
    }

    /// The catalogue's word on what a reference stands for.
    pub(in crate::image) fn published(&self, reference: &Reference) -> Option<(&Entry, &Build)> {
        match reference {
            Reference::File(_) => None,
            Reference::Catalog(name) => {
                // A name that the user gave a download.
                if let Some(record) = self.named_slot(name).load::<Record>() {
                    return self.entry_of(&record);
                }
                let entry = self.catalog.resolve(name).ok()?;
                Some((entry, entry.build_or_first(&self.arch)?))
            }
            Reference::Url { .. } => {
                let wanted = self.wanted(reference, None).ok()?;
                self.entry_of(&self.slot(&wanted).load::<Record>()?)
            }
        }
    }

    /// The catalogue's word on what a record is of: the entry, and the build that was fetched, as far as that is
    /// still in the catalogue.
    pub(in crate::image) fn entry_of(&self, record: &Record) -> Option<(&Entry, &Build)> {
        let name = record.named.as_ref().map_or(&record.name, |named| &named.reference);
        let entry = self.catalog.resolve(name).ok()?;
        let fetched =
            |build: &&Build| build.url == record.url || build.fallback_url.as_ref() == Some(&record.url);
        // One that came from a mirror is known by the architecture alone.
        let build = entry.builds.iter().find(fetched).or_else(|| entry.build_or_first(&self.arch))?;
        Some((entry, build))
    }

    /// The catalogue's entry; if there is none, names of the user's own images are thought of too.
    fn resolve(&self, name: &str) -> Result<&Entry, Error> {
        self.catalog.resolve(name).map_err(|error| match error {
            Error::UnknownImage { name, nearest } => {
                let imported = self.user_images.nearest(&name);
                Error::UnknownImage { name, nearest: imported.into_iter().chain(nearest).take(3).collect() }
            }
            other => other,
        })
    }
}

/// What is to be said of a path where a download is meant: if there is such a file, that it is here already.
fn nothing_to_pull(path: &Path) -> Error {
    match check_regular(path) {
        Ok(()) => Error::NothingToPull { path: path.to_owned() },
        Err(error) => error,
    }
}
