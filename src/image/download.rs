//! From a URL to a file that has been checked. Blocks.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fetch::{Client, Incoming};
use super::record::remove_file;
use super::{Error, Format, Hasher, Progress, Transfer, header};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const CHUNK_BYTES: usize = 128 * 1024;
/// A progress bar need not know more often.
const BYTES_PER_REPORT: u64 = 1 << 20;

/// One download.
pub(super) struct Job<'a> {
    pub(super) url: &'a str,
    /// What the bytes must have; else their SHA-256 is told.
    pub(super) expected: Option<Digest>,
    /// Where they are put until they have been checked.
    pub(super) partial: &'a Path,
    pub(super) progress: Option<&'a Progress>,
}

/// A checked file that is removed unless it is kept.
#[derive(Debug)]
pub(super) struct Downloaded {
    partial: Option<PathBuf>,
    pub(super) digest: Digest,
}

impl Downloaded {
    /// Gives the file its name.
    pub(super) fn keep_as(mut self, path: &Path) -> Result<(), Error> {
        if let Some(partial) = self.partial.take() {
            std::fs::rename(&partial, path).map_err(fs::Error::at("write", path))?;
        }
        Ok(())
    }
}

impl Drop for Downloaded {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            let _ = std::fs::remove_file(partial);
        }
    }
}

/// Fetches, hashes and checks; on failure nothing stays.
pub(super) fn run(client: &Client, job: &Job<'_>) -> Result<Downloaded, Error> {
    let result = fetch_and_check(client, job);
    if result.is_err() {
        let _ = std::fs::remove_file(job.partial);
    }
    result
}

fn fetch_and_check(client: &Client, job: &Job<'_>) -> Result<Downloaded, Error> {
    let mut incoming = client.get(job.url, job.expected.is_some())?;
    let limit_bytes = client.limits().max_image_bytes;
    if incoming.total_bytes.is_some_and(|total| total > limit_bytes) {
        return Err(too_large(job, limit_bytes));
    }
    let folder = job.partial.parent().unwrap_or(Path::new("."));
    fs::create_private_folder(folder)?;
    check_room(folder, incoming.total_bytes)?;
    let mut file = create(job.partial)?;
    let algorithm = job.expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = copy(&mut incoming, &mut file, job, limit_bytes, Hasher::new(algorithm))?;
    file.sync_data().map_err(|error| write_failed(job.partial, error))?;
    check_header(job)?;
    match &job.expected {
        Some(expected) if *expected != digest => Err(Error::DigestMismatch {
            name: job.url.to_owned(),
            expected: expected.clone(),
            actual: digest,
        }),
        _ => Ok(Downloaded { partial: Some(job.partial.to_owned()), digest }),
    }
}

fn copy(
    incoming: &mut Incoming<'_>,
    file: &mut File,
    job: &Job<'_>,
    limit_bytes: u64,
    mut hasher: Hasher,
) -> Result<Digest, Error> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut done_bytes, mut reported) = (0u64, 0u64);
    let total_bytes = incoming.total_bytes;
    let report = |done_bytes| {
        if let Some(progress) = job.progress {
            progress(Transfer { done_bytes, total_bytes });
        }
    };
    report(0);
    loop {
        let count = incoming.read(&mut chunk)?;
        if count == 0 {
            report(done_bytes);
            return Ok(hasher.finish()?);
        }
        done_bytes += count as u64;
        if done_bytes > limit_bytes {
            return Err(too_large(job, limit_bytes));
        }
        hasher.update(&chunk[..count]);
        file.write_all(&chunk[..count]).map_err(|error| write_failed(job.partial, error))?;
        if done_bytes - reported >= BYTES_PER_REPORT {
            reported = done_bytes;
            report(done_bytes);
        }
    }
}

/// A web page with status 200 is told apart here, and hostile images.
fn check_header(job: &Job<'_>) -> Result<(), Error> {
    match header::read(job.partial) {
        Ok((header, _)) if header.format == Format::Iso => Err(Error::Iso { name: job.url.to_owned() }),
        Ok(_) => Ok(()),
        Err(Error::Header { source, .. }) => Err(Error::Header { name: job.url.to_owned(), source }),
        Err(other) => Err(other),
    }
}

/// Under the image's lock, so what lies there is of a process that was killed.
pub(super) fn create(partial: &Path) -> Result<File, Error> {
    remove_file(partial)?;
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)
        .map_err(|error| write_failed(partial, error))
}

fn check_room(folder: &Path, needed_bytes: Option<u64>) -> Result<(), Error> {
    let available_bytes = available(folder)?;
    match needed_bytes {
        Some(needed) if needed > available_bytes => {
            Err(Error::DiskFull { folder: folder.to_owned(), needed_bytes, available_bytes })
        }
        _ => Ok(()),
    }
}

fn available(folder: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(folder)
        .map_err(|error| fs::Error::at("tell the free space of", folder)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub(super) fn write_failed(partial: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let folder = partial.parent().unwrap_or(Path::new("."));
    match error.kind() {
        StorageFull | QuotaExceeded => Error::DiskFull {
            folder: folder.to_owned(),
            needed_bytes: None,
            available_bytes: available(folder).unwrap_or(0),
        },
        _ => fs::Error::at("write", partial)(error).into(),
    }
}

fn too_large(job: &Job<'_>, limit_bytes: u64) -> Error {
    Error::TooLarge { url: job.url.to_owned(), limit_bytes }
}
