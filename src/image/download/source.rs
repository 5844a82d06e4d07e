//! Where the bytes of an image may be had, one server after the other. Blocks.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::answer::Validator;
use super::fetch::Downloader;
use super::retry::{Retries, ServerRetry};
use super::run::{self, Downloaded, Job};
use crate::image::digest::checksum;
use crate::image::reference::file_name;
use crate::image::{Build, Checksum, Entry, Error, Progress, Reference};
use crate::model::{Algorithm, Digest, Mirror};

/// The largest checksum document, in bytes; the largest known has 60 KiB.
const MAX_DOCUMENT_BYTES: u64 = 1 << 20;

/// An image that is not a file of this machine.
#[derive(Debug, Clone)]
pub(in crate::image) struct RemoteImage {
    /// Its name in messages.
    pub(in crate::image) name: String,
    /// What its file is called after.
    pub(in crate::image) label: String,
    /// What it is by itself, if the name is one that the user gave it.
    pub(in crate::image) named: Option<Named>,
    /// What the bytes must have, as they are sent, if that was given with the reference.
    pub(in crate::image) digest: Option<Digest>,
    key: String,
    published: Option<Published>,
    /// In the order in which they are tried.
    before: Vec<Source>,
    last: Source,
}

/// What a download was fetched by that the user gave a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct Named {
    /// A URL or a name of the catalogue.
    pub(in crate::image) reference: String,
    /// What its bytes must have, as `sha256:HEX`, if that was given with it.
    pub(in crate::image) checksum: Option<String>,
}

/// What the catalogue vouches for an image with.
#[derive(Debug, Clone)]
enum Published {
    Digest(Digest),
    /// It is in the checksum document of each [`Source`].
    Document(checksum::Format, Algorithm),
}

#[derive(Debug, Clone)]
struct Source {
    url: String,
    checksum_url: Option<String>,
    is_mirror: bool,
}

/// What the cache has already.
#[derive(Debug, Clone)]
pub(in crate::image) struct CachedCopy {
    /// The digest of the bytes as they were sent.
    pub(in crate::image) digest: Digest,
    /// Where they came from.
    pub(in crate::image) url: String,
    pub(in crate::image) validator: Validator,
}

impl RemoteImage {
    pub(in crate::image) fn url(url: &str, digest: Option<&Digest>) -> Self {
        Self {
            name: url.to_owned(),
            label: file_name(url).to_owned(),
            named: None,
            digest: digest.cloned(),
            key: url.to_owned(),
            published: None,
            before: Vec::new(),
            last: Source { url: url.to_owned(), checksum_url: None, is_mirror: false },
        }
    }

    pub(in crate::image) fn entry(entry: &Entry, build: &Build) -> Self {
        let (published, document, fallback_document) = match &build.checksum {
            Checksum::Pinned(digest) => (Published::Digest(digest.clone()), None, None),
            Checksum::Published { url, fallback_url, format, algorithm } => (
                Published::Document(*format, *algorithm),
                Some(url),
                Some(fallback_url.as_ref().unwrap_or(url)),
            ),
        };
        let source = |url: &str, checksum_url: Option<&String>| Source {
            url: url.to_owned(),
            checksum_url: checksum_url.cloned(),
            is_mirror: false,
        };
        let first = source(&build.url, document);
        let (before, last) = match &build.fallback_url {
            Some(url) => (vec![first], source(url, fallback_document)),
            None => (Vec::new(), first),
        };
        Self {
            name: entry.name.clone(),
            label: entry.name.clone(),
            named: None,
            digest: None,
            key: build.url.clone(),
            published: Some(published),
            before,
            last,
        }
    }

    /// Under a name that the user gives it. What has such a name already is what that stands for.
    pub(in crate::image) fn called(mut self, name: &str, reference: &Reference) -> Self {
        let checksum = self.digest.as_ref().map(ToString::to_string);
        self.named.get_or_insert_with(|| Named { reference: reference.to_string(), checksum });
        self.name = name.to_owned();
        self
    }

    /// With the mirrors of each source before it; those without TLS only if a digest vouches.
    pub(in crate::image) fn with_mirrors(mut self, mirrors: &[Mirror]) -> Self {
        let is_vouched = self.is_vouched();
        let at_mirrors = |source: &Source| {
            let found = mirrors.iter().filter_map(|mirror| source.at(mirror));
            found.filter(|source| is_vouched || source.url.starts_with("https:")).collect::<Vec<_>>()
        };
        let originals = std::mem::take(&mut self.before);
        for source in originals {
            self.before.extend(at_mirrors(&source));
            self.before.push(source);
        }
        self.before.extend(at_mirrors(&self.last));
        self
    }

    /// What tells it from other images.
    pub(in crate::image) fn key(&self) -> &str {
        &self.key
    }

    /// Whether a digest vouches for what [`Self::fetch`] brings.
    pub(in crate::image) fn is_vouched(&self) -> bool {
        self.digest.is_some() || self.published.is_some()
    }

    /// Downloads it into `partial`, from the next server if one doesn't do; tells the URL too. `None`: it
    /// is what is `present`.
    pub(in crate::image) fn fetch(
        &self,
        client: &Downloader,
        partial: &Path,
        present: Option<&CachedCopy>,
        progress: Option<&Progress>,
    ) -> Result<Option<(String, Downloaded)>, Error> {
        let retries = Retries::before_another(client.limits());
        let mut worst: Option<Failure> = None;
        for source in &self.before {
            match self.attempt(client, source, retries, partial, present, progress) {
                Ok(done) => return Ok(done),
                Err(error) => {
                    log::warn!("{error}; trying the next server");
                    let goes_on =
                        error.is_worth_another_server() || (source.is_mirror && error.is_integrity());
                    let failure = Failure { is_mirror: source.is_mirror, error }.or_worse(worst);
                    if !goes_on || client.is_out_of_patience() {
                        return Err(failure.error);
                    }
                    worst = Some(failure);
                }
            }
        }
        let retries = Retries::of_last(client.limits());
        self.attempt(client, &self.last, retries, partial, present, progress)
            .map_err(|error| Failure { is_mirror: self.last.is_mirror, error }.or_worse(worst).error)
    }

    fn attempt(
        &self,
        client: &Downloader,
        source: &Source,
        retries: Retries,
        partial: &Path,
        present: Option<&CachedCopy>,
        progress: Option<&Progress>,
    ) -> Result<Option<(String, Downloaded)>, Error> {
        // Who has it already needn't wait long to hear whether it is still the same.
        let document_retries = if present.is_some() { Retries::NONE } else { retries };
        let expected = self.expected(client, source, document_retries)?;
        if expected.as_ref().is_some_and(|expected| present.is_some_and(|it| it.digest == *expected)) {
            return Ok(None);
        }
        let same = present.filter(|it| expected.is_none() && it.url == source.url);
        let unless = same.map(|it| &it.validator).filter(|validator| !validator.is_empty());
        let retries = if unless.is_some() { Retries::NONE } else { retries };
        let job = Job { url: &source.url, expected, unless, partial, retries, progress };
        Ok(run::run(client, &job)?.map(|downloaded| (source.url.clone(), downloaded)))
    }

    /// The digest that was given, or else the one that is published.
    fn expected(
        &self,
        client: &Downloader,
        source: &Source,
        retries: Retries,
    ) -> Result<Option<Digest>, Error> {
        if let Some(digest) = &self.digest {
            return Ok(Some(digest.clone()));
        }
        let (format, algorithm, url) = match (&self.published, &source.checksum_url) {
            (Some(Published::Digest(digest)), _) => return Ok(Some(digest.clone())),
            (Some(Published::Document(format, algorithm)), Some(url)) => (*format, *algorithm, url),
            _ => return Ok(None),
        };
        let document = ServerRetry::new(client, retries).run(|| client.document(url, MAX_DOCUMENT_BYTES))?;
        // At a mirror the file is called as it is at the publisher's.
        let file = file_name(&source.url);
        checksum::parse(&document, format, algorithm, file).map(Some).map_err(|source| Error::Checksum {
            url: url.clone(),
            file: file.to_owned(),
            source,
        })
    }
}

impl Source {
    /// The same at a mirror. What vouches for an image never comes by plain http instead of https.
    fn at(&self, mirror: &Mirror) -> Option<Self> {
        let stays_safe = |url: &&String| url.starts_with("https:") || !self.url.starts_with("https:");
        let rewritten = self.checksum_url.as_ref().and_then(|url| mirror.rewrite(url));
        Some(Self {
            url: mirror.rewrite(&self.url)?,
            checksum_url: rewritten.filter(|url| stays_safe(&url)).or_else(|| self.checksum_url.clone()),
            is_mirror: true,
        })
    }
}

struct Failure {
    is_mirror: bool,
    error: Error,
}

impl Failure {
    /// The one that says most: damage more than absence, and the publisher's server more than a mirror. Of
    /// equal ones the earlier.
    fn or_worse(self, earlier: Option<Self>) -> Self {
        let rank = |it: &Self| (!it.error.is_integrity(), it.is_mirror);
        match earlier {
            Some(earlier) if rank(&earlier) <= rank(&self) => earlier,
            _ => self,
        }
    }
}
