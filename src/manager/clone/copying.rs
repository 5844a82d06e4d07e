//! How the files of a clone come about: by this process where it may read and write them, which takes a
//! reflink where the file system can; else by libvirt, so that a user who may speak to the system's daemon
//! needs no root.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::CloneRequest;
use super::plan::{Kind, NewFile};
use crate::host::Creator;
use crate::image::{Driver, Overlay, Progress, Rewrite, copy_sparse, has_residue};
use crate::libvirt::{self, Object, OwnedVolume, Volume, VolumeSpec};
use crate::manager::clone::Cloning;
use crate::manager::image::progress_of;
use crate::manager::storage::Storage;
use crate::manager::{Error, StorageError};

/// The beginning of the names of pools that are there for a while, for files in directories of no pool. A hash of the
/// directory follows, and who has made it.
const PASSING: &str = "vmtools-folder-";

/// Files that were written, with their paths, but may not be on the disk yet.
pub(super) type Written = Vec<(String, File)>;

/// The pools that were made for the sake of a clone.
#[derive(Debug, Default)]
pub(in crate::manager) struct Folders {
    pools: Vec<String>,
}

/// Whose process made the pool of this name, if it is one that was made for the sake of a clone.
pub(in crate::manager) fn maker_of_folder(pool: &str) -> Option<Creator> {
    let (_, maker) = pool.strip_prefix(PASSING)?.split_once(':')?;
    maker.replace(':', "/").parse().ok()
}

impl Cloning<'_> {
    pub(in crate::manager) async fn close_folders(&self, folders: Folders) {
        for pool in folders.pools {
            // One that another clone uses, too, stays until gc.
            let _ = self.op.client().pools().destroy(&pool).await;
        }
    }

    /// The file as a volume; a directory without a pool gets one for a while.
    pub(in crate::manager) async fn source_volume(
        &self,
        vm: &str,
        path: &str,
        folders: &mut Folders,
    ) -> Result<(OwnedVolume, Volume), Error> {
        if let Some(found) = Storage::of(self.op).volume_at(path).await? {
            return Ok(found);
        }
        let refuse = || StorageError::NotInPool { name: vm.to_owned(), path: path.to_owned() };
        let folder =
            Path::new(path).parent().and_then(Path::to_str).filter(|folder| !folder.starts_with("/dev"));
        let folder = folder.ok_or_else(refuse)?;
        let mut hasher = std::hash::DefaultHasher::new();
        folder.hash(&mut hasher);
        let mut pool = format!("{PASSING}{:016x}", hasher.finish());
        if let Some(maker) = Creator::current() {
            // A pool's name has no slash.
            pool.push_str(&format!(":{maker}").replace('/', ":"));
        }
        match self.op.client().pools().create_transient(&pool, folder).await {
            Ok(()) => folders.pools.push(pool),
            Err(error) if error.is_connection() => return Err(error.into()),
            // Whether another has just made it shows below.
            Err(_) => {}
        }
        Ok(self.op.client().volumes().at_path(path).await?.ok_or_else(refuse)?)
    }

    /// Makes the piece without libvirt, which costs far less; false when it is none for that, or this user may not.
    /// What is not on the disk yet is left to [`sync`].
    pub(super) async fn make_here(
        &self,
        request: &CloneRequest,
        new_file: &NewFile,
        written: &mut Written,
    ) -> Result<bool, Error> {
        match &new_file.kind {
            Kind::Overlay { capacity_bytes, below } => {
                match Overlay::new(*capacity_bytes, &new_file.from, below) {
                    Some(overlay) => write_here(new_file, written, |file| overlay.write_to(file)),
                    None => Ok(false),
                }
            }
            // Without its seed the guest would stay who its source is.
            Kind::Bytes(bytes) => write_here(new_file, written, |file| file.write_all_at(bytes, 0)),
            Kind::Copy { flatten: false, .. } | Kind::Small => self.copy_here(request, new_file).await,
            Kind::Copy { .. } | Kind::Backup { .. } => Ok(false),
        }
    }

    pub(super) async fn make_by_libvirt(
        &self,
        request: &CloneRequest,
        new_file: &NewFile,
        folders: &mut Folders,
    ) -> Result<(), Error> {
        let spec = |capacity_bytes, backing| VolumeSpec {
            name: &new_file.to.volume,
            capacity_bytes,
            format: &new_file.format,
            // A seed holds the guest's private host key.
            mode: "0600",
            backing,
        };
        match &new_file.kind {
            Kind::Overlay { capacity_bytes, below } => {
                let backing = Some((new_file.from.as_str(), below.as_str()));
                Ok(self
                    .op
                    .client()
                    .volumes()
                    .create(&new_file.to.pool, &spec(*capacity_bytes, backing))
                    .await?)
            }
            Kind::Backup { capacity_bytes, .. } => {
                Ok(self.op.client().volumes().create(&new_file.to.pool, &spec(*capacity_bytes, None)).await?)
            }
            Kind::Bytes(bytes) => {
                let size = bytes.len() as u64;
                self.op.client().volumes().create(&new_file.to.pool, &spec(size, None)).await?;
                Ok(self.op.client().volumes().fill(&new_file.to.pool, &new_file.to.volume, bytes).await?)
            }
            Kind::Copy { volume, capacity_bytes, .. } => {
                let work = async {
                    Ok(self
                        .op
                        .client()
                        .volumes()
                        .copy(&new_file.to.pool, &spec(*capacity_bytes, None), volume)
                        .await?)
                };
                self.op.race(work).await
            }
            Kind::Small => {
                let (volume, file) = match self.source_volume(&request.source, &new_file.from, folders).await
                {
                    // The firmware's variables of a VM that never ran.
                    Err(Error::Storage(StorageError::NotInPool { .. }))
                        if new_file.to.volume.contains("_VARS.") =>
                    {
                        return Ok(());
                    }
                    found => found?,
                };
                let spec = spec(file.capacity_bytes, None);
                Ok(self.op.client().volumes().copy(&new_file.to.pool, &spec, &volume).await?)
            }
        }
    }

    /// Lets libvirt learn of what was made without it. When it does not see it, because the pool is busy or its
    /// directory is not the one that this process sees, libvirt makes it after all; but for a copy, of which it learns
    /// at its next look.
    pub(super) async fn introduce(
        &self,
        request: &CloneRequest,
        new_files: &[&NewFile],
        folders: &mut Folders,
    ) -> Result<(), Error> {
        let Some(first) = new_files.first() else { return Ok(()) };
        let learn = async || Ok(self.op.client().volumes().learn(&first.to.pool, &first.to.volume).await?);
        if self.op.while_daemon_restarts(learn).await? {
            return Ok(());
        }
        for new_file in
            new_files.iter().filter(|new_file| matches!(new_file.kind, Kind::Overlay { .. } | Kind::Bytes(_)))
        {
            std::fs::remove_file(&new_file.to.path).map_err(|error| not_written(new_file, &error))?;
            self.make_by_libvirt(request, new_file, folders).await?;
        }
        Ok(())
    }

    /// Copies the file: as it is, or a qcow2 that holds more than its disk shows as that alone, so that no snapshot, no
    /// bitmap and nothing that was deleted with one comes along. False when this user may not.
    async fn copy_here(&self, request: &CloneRequest, new_file: &NewFile) -> Result<bool, Error> {
        let from = match File::open(&new_file.from) {
            Ok(from) => from,
            Err(error) if error.kind() == ErrorKind::NotFound => return gone(new_file),
            Err(_) => return Ok(false),
        };
        let Some(to) = create_new(new_file) else { return Ok(false) };
        let on_progress: Option<Progress> = matches!(new_file.kind, Kind::Copy { .. })
            .then(|| progress_of(self.op.observer(), request.name.as_str()));
        let (is_qcow2, progress) = (new_file.format == "qcow2", on_progress.clone());
        // Whether it is copied; one that holds more than its disk shows is not.
        let copy = move |given_up: &_| match is_qcow2 && has_residue(&from)? {
            true => Ok(false),
            false => copy_sparse(&from, &to, progress.as_ref(), given_up).map(|()| true),
        };
        let copied = self.op.blocking(copy).await?;
        if !copied.map_err(|error| not_written(new_file, &error))? {
            self.rewrite_here(new_file, on_progress.as_ref()).await?;
        }
        Ok(true)
    }

    async fn rewrite_here(&self, new_file: &NewFile, progress: Option<&Progress>) -> Result<(), Error> {
        let below = match &new_file.kind {
            Kind::Copy { below: Some((path, format)), .. } => Some((path.as_str(), format.as_str())),
            _ => None,
        };
        let from = Path::new(&new_file.from);
        // A running source has its firmware's variables open.
        let shared = matches!(new_file.kind, Kind::Small);
        let rewrite = Rewrite { from, driver: Driver::Qcow2, below, shared };
        let to = Path::new(&new_file.to.path);
        self.op.race(async { Ok(rewrite.write_to(to, progress).await?) }).await
    }
}

/// The piece's file, empty, for its owner alone; `None` when this user may not make it.
fn create_new(new_file: &NewFile) -> Option<File> {
    // A seed holds the guest's private host key.
    File::options().write(true).create_new(true).mode(0o600).open(&new_file.to.path).ok()
}

fn write_here(
    new_file: &NewFile,
    written: &mut Written,
    write: impl FnOnce(&File) -> std::io::Result<()>,
) -> Result<bool, Error> {
    let Some(file) = create_new(new_file) else { return Ok(false) };
    write(&file).map_err(|error| not_written(new_file, &error))?;
    written.push((new_file.to.path.clone(), file));
    Ok(true)
}

/// Waits until the files are on the disk: a VM's definition names them.
pub(super) async fn sync(written: Written) -> Result<(), Error> {
    if written.is_empty() {
        return Ok(());
    }
    let sync = move || {
        let each = |(path, file): &(String, File)| {
            file.sync_all().map_err(|error| refused(format!("writing {path}"), &error))
        };
        written.iter().try_for_each(each)
    };
    let synced = tokio::task::spawn_blocking(sync).await;
    Ok(synced.unwrap_or_else(|error| Err(refused("writing".to_owned(), &error.into())))?)
}

fn not_written(new_file: &NewFile, error: &std::io::Error) -> libvirt::Error {
    let command = match &new_file.kind {
        Kind::Copy { .. } | Kind::Small => format!("copying {}", new_file.from),
        _ => format!("writing {}", new_file.to.path),
    };
    refused(command, error)
}

fn refused(command: String, error: &std::io::Error) -> libvirt::Error {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull => libvirt::Error::NoSpace { command, message },
        _ => libvirt::Error::refused(command, message),
    }
}

/// Firmware's variables come with the first start; any other file has to be there.
fn gone(new_file: &NewFile) -> Result<bool, Error> {
    if new_file.to.volume.contains("_VARS.") {
        return Ok(true);
    }
    Err(libvirt::Error::missing(Object::Volume, new_file.from.clone()).into())
}
