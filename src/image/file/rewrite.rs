//! A disk written anew by qemu-img: what its file holds beside it stays behind.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::path::Path;

use super::write::write_failed;
use crate::image::qemu_img::{self, Reason};
use crate::image::{Driver, Error, Progress};
use crate::system::fs;

/// A disk that is to be written anew, as a qcow2: what it shows, and nothing else that its file holds
/// ([`has_residue`](crate::image::has_residue)).
#[derive(Debug, Clone, Copy)]
pub struct Rewrite<'a> {
    /// Its file.
    pub from: &'a Path,
    /// How that is read.
    pub driver: Driver,
    /// The file that it stands on, and that one's format: the copy stands on it, too. With `None` the copy holds all
    /// that the chain does.
    pub below: Option<(&'a str, &'a str)>,
    /// Whether a QEMU may write to it meanwhile. For files such as firmware's variables alone, of which QEMU writes
    /// little, and seldom.
    pub shared: bool,
}

impl Rewrite<'_> {
    /// Writes it to a file that exists and is empty. Returns once it is on the host's disk. Dropping the future ends it.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::DiskFull`], [`Error::Convert`].
    pub async fn write_to(&self, to: &Path, progress: Option<&Progress>) -> Result<(), Error> {
        self.convert(to, &[], progress).await?;
        // qemu-img itself waits for nothing.
        let path = to.to_owned();
        let sync = move || {
            let synced = File::options().write(true).open(&path).and_then(|file| file.sync_data());
            synced.map_err(|error| write_failed(&path, error))
        };
        tokio::task::spawn_blocking(sync).await?
    }

    /// The bytes of the qcow2. For small files: no part of it is left out, so that what QEMU writes to it later changes
    /// none of its tables.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::DiskFull`], [`Error::Convert`].
    pub async fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut file = fs::temporary_file()?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        self.convert(Path::new(&path), &["-S", "0"], None).await?;
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(fs::temporary_failed)?;
        Ok(bytes)
    }

    async fn convert(&self, to: &Path, more: &[&str], progress: Option<&Progress>) -> Result<(), Error> {
        let size = std::fs::metadata(self.from).map_or(0, |metadata| metadata.len());
        let mut args: Vec<OsString> = vec!["-f".into(), self.driver.name().into()];
        if self.shared {
            args.push("-U".into());
        }
        if let Some((path, format)) = self.below {
            // As other overlays are made.
            args.extend(["-o", "extended_l2=on", "-B", path, "-F", format].map(OsString::from));
        }
        args.extend(more.iter().map(OsString::from));
        args.extend([self.from.into(), to.into()]);
        qemu_img::convert(args, size, progress).await.map_err(|source| match qemu_img::reason(&source) {
            Reason::NoSpace => write_failed(to, std::io::ErrorKind::StorageFull.into()),
            Reason::Locked => Error::InUse { path: self.from.to_owned() },
            Reason::Other => Error::Convert { name: self.from.display().to_string(), source },
        })
    }
}
