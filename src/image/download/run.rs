//! From a URL to a file that has been checked. Blocks.
//!
//! ```text
//! ask ── bytes ── writer ─┬─ end ── digest, header ── Downloaded
//!  ^                      └─ broken off ── pause ── ask for the rest
//!  └─ a digest that is wrong, of bytes that were resumed: once, from the beginning
//! ```
//!
//! What breaks off stays, for the next download to go on with; what is wrong goes.

use std::path::{Path, PathBuf};

use super::answer::Validator;
use super::fetch::{Answer, Ask, Downloader, ResponseBody};
use super::partial::{Origin, Partial};
use super::retry::{Retries, ServerRetry};
use super::writer::DownloadWriter;
use crate::image::{Error, Format, Progress, Transfer, file, header};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const CHUNK_BYTES: usize = 256 * 1024;
/// A progress bar need not know more often.
const BYTES_PER_REPORT: u64 = 1 << 20;

/// One download.
pub(in crate::image) struct Job<'a> {
    pub(in crate::image) url: &'a str,
    /// The digest that the bytes must have, as they are sent; without one their SHA-256 is returned.
    pub(in crate::image) expected: Option<Digest>,
    /// Not if the server's document is still this one.
    pub(in crate::image) unless: Option<&'a Validator>,
    /// Where they are put until they have been checked.
    pub(in crate::image) partial: &'a Path,
    /// How often the server is asked again.
    pub(super) retries: Retries,
    pub(in crate::image) progress: Option<&'a Progress>,
}

/// A checked file that is removed unless it is kept.
#[derive(Debug)]
pub(in crate::image) struct Downloaded {
    partial: PathBuf,
    file: PathBuf,
    /// The digest of the file.
    pub(in crate::image) digest: Digest,
    /// The digest of the bytes as they were sent, if these have been unpacked.
    pub(in crate::image) packed_digest: Option<Digest>,
    /// What the server tells this version by.
    pub(in crate::image) validator: Validator,
}

impl Downloaded {
    /// Gives the file its name.
    pub(in crate::image) fn keep_as(self, path: &Path) -> Result<(), Error> {
        Ok(std::fs::rename(&self.file, path).map_err(fs::Error::at("write", path))?)
    }
}

impl Drop for Downloaded {
    fn drop(&mut self) {
        let _ = Partial(&self.partial).remove();
    }
}

/// Fetches and checks; `None`: the document is still the one of [`Job::unless`].
pub(in crate::image) fn run(client: &Downloader, job: &Job<'_>) -> Result<Option<Downloaded>, Error> {
    let folder = job.partial.parent().unwrap_or(Path::new("."));
    fs::create_private_folder(folder)?;
    let mut download = Download::prepare(client, job)?;
    let was_resumed = download.received_bytes() > 0;
    let mut result = download.fetch_and_check();
    if was_resumed && result.as_ref().is_err_and(Error::is_integrity) {
        log::warn!("downloading {} from the beginning: the partial file is not a part of it", job.url);
        download.start_over()?;
        result = download.fetch_and_check();
    }
    let is_empty = download.writer.is_some() && download.received_bytes() == 0;
    if result.as_ref().is_err_and(|error| is_empty || error.invalidates_partial()) {
        drop(download);
        let _ = Partial(job.partial).remove();
    }
    result
}

struct Download<'a> {
    client: &'a Downloader,
    job: &'a Job<'a>,
    /// Of nothing, none.
    writer: Option<DownloadWriter>,
    origin: Origin,
    reported_bytes: u64,
}

impl<'a> Download<'a> {
    /// Looks for what an earlier one has left.
    fn prepare(client: &'a Downloader, job: &'a Job<'a>) -> Result<Self, Error> {
        let partial = Partial(job.partial);
        let fresh = Origin::new(job.url, job.expected.as_ref(), Validator::default());
        let mut this = Self { client, job, writer: None, origin: fresh, reported_bytes: 0 };
        match partial.load() {
            Some((origin, bytes)) if origin.rest(bytes, job.url, job.expected.as_ref()).is_some() => {
                match DownloadWriter::resume(job.partial, job.url, this.algorithm(), *client.limits()) {
                    Ok(writer) => (this.origin, this.writer) = (origin, Some(writer)),
                    Err(error) if error.is_integrity() => partial.remove()?,
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
        Ok(this)
    }

    fn start_over(&mut self) -> Result<(), Error> {
        self.writer = None;
        Partial(self.job.partial).remove()
    }

    fn received_bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, DownloadWriter::received_bytes)
    }

    fn algorithm(&self) -> Algorithm {
        self.job.expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm)
    }

    fn fetch_and_check(&mut self) -> Result<Option<Downloaded>, Error> {
        let mut retry = ServerRetry::new(self.client, self.job.retries);
        loop {
            let before = self.received_bytes();
            match self.fetch_rest() {
                Ok(true) => return self.check().map(Some),
                Ok(false) => return Ok(None),
                Err(error) => {
                    if self.received_bytes() > before {
                        retry.progressed();
                    }
                    retry.after(error)?;
                }
            }
        }
    }

    /// Fetches what there is not yet; `false`: there is nothing new.
    fn fetch_rest(&mut self) -> Result<bool, Error> {
        let Job { url, expected, unless, .. } = self.job;
        let vouched = expected.is_some();
        let origin = self.origin.clone();
        let rest = origin.rest(self.received_bytes(), url, expected.as_ref());
        let ask = match (rest, unless) {
            (Some(rest), _) => rest,
            (None, Some(validator)) => Ask::Unless(validator),
            (None, None) => Ask::All,
        };
        let incoming = match self.client.get(url, vouched, ask)? {
            Answer::Unchanged => return Ok(false),
            Answer::AtEnd => return Ok(true),
            Answer::Bytes(incoming) => incoming,
            Answer::NoPart => {
                self.start_over()?;
                match self.client.get(url, vouched, Ask::All)? {
                    Answer::Bytes(incoming) => incoming,
                    _ => return Err(Error::Status { url: (*url).to_owned(), status: 416 }),
                }
            }
        };
        self.receive(incoming)?;
        Ok(true)
    }

    fn receive(&mut self, mut incoming: Box<ResponseBody<'_>>) -> Result<(), Error> {
        let job = self.job;
        let limits = *self.client.limits();
        self.check_size(incoming.total_bytes.unwrap_or(0))?;
        let continues = incoming.start > 0 && incoming.start == self.received_bytes();
        let mut writer = match self.writer.take() {
            Some(writer) if continues => writer,
            old => {
                drop(old);
                let writer = DownloadWriter::begin(job.partial, job.url, self.algorithm(), limits)?;
                self.origin = Origin::new(job.url, job.expected.as_ref(), incoming.validator.clone());
                Partial(job.partial).save(&self.origin)?;
                writer
            }
        };
        writer.expect(incoming.total_bytes);
        let writer = self.writer.insert(writer);
        let missing = incoming.total_bytes.map(|total| total.saturating_sub(writer.received_bytes()));
        file::check_room(job.partial.parent().unwrap_or(Path::new(".")), missing)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        self.report(incoming.total_bytes, true);
        loop {
            let count = incoming.read(&mut chunk)?;
            if count == 0 {
                self.report(incoming.total_bytes, true);
                return Ok(());
            }
            self.check_size(self.received_bytes() + count as u64)?;
            if let Some(writer) = &mut self.writer {
                writer.take(&chunk[..count])?;
            }
            self.report(incoming.total_bytes, false);
        }
    }

    fn report(&mut self, total_bytes: Option<u64>, always: bool) {
        let done_bytes = self.received_bytes();
        if always || done_bytes.saturating_sub(self.reported_bytes) >= BYTES_PER_REPORT {
            self.reported_bytes = done_bytes;
            if let Some(progress) = self.job.progress {
                progress(Transfer { done_bytes, total_bytes });
            }
        }
    }

    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        let limit_bytes = self.client.limits().max_image_bytes;
        if bytes > limit_bytes {
            return Err(Error::TooLarge { url: self.job.url.to_owned(), limit_bytes });
        }
        Ok(())
    }

    fn check(&mut self) -> Result<Downloaded, Error> {
        let Some(writer) = self.writer.take() else {
            return Err(Error::Header { name: self.job.url.to_owned(), source: header::Error::Empty });
        };
        let complete = writer.finish()?;
        let (file, digest, packed_digest) = match complete.unpacked {
            Some((file, digest)) => (file, digest, Some(complete.digest.clone())),
            None => (self.job.partial.to_owned(), complete.digest.clone(), None),
        };
        let validator = self.origin.validator.clone();
        // From here on, what is not kept is removed.
        let downloaded =
            Downloaded { partial: self.job.partial.to_owned(), file, digest, packed_digest, validator };
        check_header(&downloaded.file, self.job.url)?;
        match &self.job.expected {
            Some(expected) if *expected != complete.digest => Err(Error::DigestMismatch {
                name: self.job.url.to_owned(),
                expected: expected.clone(),
                actual: complete.digest,
            }),
            _ => Ok(downloaded),
        }
    }
}

/// Detects web pages with status 200, and hostile images.
fn check_header(file: &Path, url: &str) -> Result<(), Error> {
    match header::read(file) {
        Ok((header, _)) if header.format == Format::Iso => Err(Error::Iso { name: url.to_owned() }),
        Ok(_) => Ok(()),
        Err(Error::Header { source, .. }) => Err(Error::Header { name: url.to_owned(), source }),
        Err(other) => Err(other),
    }
}
