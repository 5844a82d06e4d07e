//! Where the bytes of an image may be had, one server after the other. Blocks.

use std::path::Path;

use super::download::{self, Downloaded, Job};
use super::fetch::Client;
use super::record::file_name;
use super::{Entry, Error, Progress, checksum};
use crate::model::{Algorithm, Digest};

/// The largest checksum document, in bytes; the largest known has 60 KiB.
const MAX_DOCUMENT_BYTES: u64 = 1 << 20;

/// An image that is not a file of this machine.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What a person calls it.
    pub(super) name: String,
    /// What its file is called after.
    pub(super) label: String,
    /// What the bytes must have, if it was given with the reference.
    pub(super) digest: Option<Digest>,
    published: Option<(checksum::Format, Algorithm)>,
    first: Source,
    second: Option<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    url: String,
    checksum_url: Option<String>,
}

impl Wanted {
    pub(super) fn url(url: &str, digest: Option<&Digest>) -> Self {
        Self {
            name: url.to_owned(),
            label: file_name(url).to_owned(),
            digest: digest.cloned(),
            published: None,
            first: Source { url: url.to_owned(), checksum_url: None },
            second: None,
        }
    }

    pub(super) fn entry(entry: &Entry) -> Self {
        let source = |url: &str, checksum_url: &str| Source {
            url: url.to_owned(),
            checksum_url: Some(checksum_url.to_owned()),
        };
        let checksum_2 = entry.fallback_checksum_url.as_ref();
        let checksum_2 = checksum_2.unwrap_or(&entry.checksum_url);
        let url_2 = entry.fallback_url.as_ref();
        Self {
            name: entry.name.clone(),
            label: entry.name.clone(),
            digest: None,
            published: Some((entry.checksum_format, entry.checksum_algorithm)),
            first: source(&entry.url, &entry.checksum_url),
            second: url_2.map(|url| source(url, checksum_2)),
        }
    }

    /// What tells it from other images.
    pub(super) fn key(&self) -> &str {
        &self.first.url
    }

    /// Whether a digest vouches for what [`Self::fetch`] brings.
    pub(super) fn is_vouched(&self) -> bool {
        self.digest.is_some() || self.published.is_some()
    }

    /// Downloads it into `partial`, from the second server if the first doesn't do; tells the URL too.
    pub(super) fn fetch(
        &self,
        client: &Client,
        partial: &Path,
        progress: Option<&Progress>,
    ) -> Result<(String, Downloaded), Error> {
        let attempt = |source: &Source| {
            let job = Job { url: &source.url, expected: self.expected(client, source)?, partial, progress };
            Ok((source.url.clone(), download::run(client, &job)?))
        };
        let error: Error = match attempt(&self.first) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(second) = self.second.as_ref().filter(|_| error.is_worth_another_server()) else {
            return Err(error);
        };
        log::warn!("{error}; trying {}", second.url);
        attempt(second).map_err(|second_error| {
            log::warn!("{second_error}");
            // Damage on the second server says more than the first one's absence.
            if second_error.is_integrity() { second_error } else { error }
        })
    }

    /// The digest that was given, or else the one that is published.
    fn expected(&self, client: &Client, source: &Source) -> Result<Option<Digest>, Error> {
        if let Some(digest) = &self.digest {
            return Ok(Some(digest.clone()));
        }
        let (Some((format, algorithm)), Some(url)) = (self.published, &source.checksum_url) else {
            return Ok(None);
        };
        let document = client.document(url, MAX_DOCUMENT_BYTES)?;
        let file = file_name(&source.url);
        checksum::parse(&document, format, algorithm, file).map(Some).map_err(|source| Error::Checksum {
            url: url.clone(),
            file: file.to_owned(),
            source,
        })
    }
}
