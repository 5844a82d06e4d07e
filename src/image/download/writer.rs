//! Takes the bytes of a download in, as they come: onto the disk, into the digest, into the unpacker.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Limits;
use super::unpack::{self, MAGIC_BYTES, Packing, Unpacker};
use crate::image::{Error, Hasher, file};
use crate::model::{Algorithm, Digest};
use crate::system::fs;

const REPLAY_CHUNK_BYTES: usize = 1 << 20;

/// The bytes that have come so far.
pub(super) struct DownloadWriter {
    partial: PathBuf,
    file: File,
    hasher: Hasher,
    packing: Stage,
    received_bytes: u64,
    total_bytes: Option<u64>,
    name: String,
    limits: Limits,
}

/// All the bytes.
pub(super) struct Complete {
    /// The digest of the bytes as they came.
    pub(super) digest: Digest,
    /// What they were packed of: the file, and its SHA-256.
    pub(super) unpacked: Option<(PathBuf, Digest)>,
}

enum Stage {
    /// Too few bytes to tell.
    Beginning(Vec<u8>),
    Plain,
    Packed(Unpacker),
}

impl DownloadWriter {
    /// Nothing has come yet; what lies at `partial` goes. `name` is for messages.
    pub(super) fn begin(
        partial: &Path,
        name: &str,
        algorithm: Algorithm,
        limits: Limits,
    ) -> Result<Self, Error> {
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(partial);
        let file = file.map_err(|error| file::write_failed(partial, error))?;
        Ok(Self::on(file, partial, name, algorithm, limits))
    }

    /// What lies at `partial` has come; it is read once more, for the digest.
    pub(super) fn resume(
        partial: &Path,
        name: &str,
        algorithm: Algorithm,
        limits: Limits,
    ) -> Result<Self, Error> {
        let failed = |error| fs::Error::at("read", partial)(error);
        let mut before = File::open(partial).map_err(failed)?;
        let file = File::options().append(true).open(partial);
        let file = file.map_err(|error| file::write_failed(partial, error))?;
        let mut writer = Self::on(file, partial, name, algorithm, limits);
        // At least that much: the unpacker judges by it.
        writer.total_bytes = before.metadata().ok().map(|data| data.len());
        let mut chunk = vec![0; REPLAY_CHUNK_BYTES];
        loop {
            match before.read(&mut chunk).map_err(failed)? {
                0 => return Ok(writer),
                count => writer.digest(&chunk[..count])?,
            }
        }
    }

    fn on(file: File, partial: &Path, name: &str, algorithm: Algorithm, limits: Limits) -> Self {
        Self {
            partial: partial.to_owned(),
            file,
            hasher: Hasher::new(algorithm),
            packing: Stage::Beginning(Vec::new()),
            received_bytes: 0,
            total_bytes: None,
            name: name.to_owned(),
            limits,
        }
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// How much will come, where that is known.
    pub(super) fn expect(&mut self, total_bytes: Option<u64>) {
        self.total_bytes = total_bytes;
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk is full, or they can't be unpacked.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|error| file::write_failed(&self.partial, error))?;
        self.digest(bytes)
    }

    /// That was all.
    ///
    /// # Errors
    /// When it can't be unpacked, or written.
    pub(super) fn finish(self) -> Result<Complete, Error> {
        let digest = self.hasher.finish()?;
        let unpacked = match self.packing {
            Stage::Packed(unpacker) => Some(unpacker.finish()?),
            // What was packed goes, and need not be on the disk.
            Stage::Plain | Stage::Beginning(_) => {
                self.file.sync_data().map_err(|error| file::write_failed(&self.partial, error))?;
                None
            }
        };
        Ok(Complete { digest, unpacked })
    }

    fn digest(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.received_bytes += bytes.len() as u64;
        match &mut self.packing {
            Stage::Plain => Ok(()),
            Stage::Packed(unpacker) => unpacker.feed(bytes, self.received_bytes),
            Stage::Beginning(head) => {
                head.extend_from_slice(bytes);
                if head.len() < MAGIC_BYTES {
                    return Ok(());
                }
                let head = std::mem::take(head);
                self.packing = self.stage_of(&head)?;
                match &mut self.packing {
                    Stage::Packed(unpacker) => unpacker.feed(&head, self.received_bytes),
                    _ => Ok(()),
                }
            }
        }
    }

    fn stage_of(&self, head: &[u8]) -> Result<Stage, Error> {
        let Some(packing) = Packing::of(head) else { return Ok(Stage::Plain) };
        let place = unpack::place_beside(&self.partial);
        let unpacker = Unpacker::start(packing, place, &self.name, self.total_bytes, self.limits)?;
        Ok(Stage::Packed(unpacker))
    }
}
