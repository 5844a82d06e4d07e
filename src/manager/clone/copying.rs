//! How the files of a clone come about: by this process where it may read and write them, which takes a
//! reflink where the file system can; else by libvirt, so that a user who may speak to the system's daemon
//! needs no root.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::CloneRequest;
use super::settle::{Kind, Piece};
use crate::image::{Progress, copy_sparse};
use crate::libvirt::{self, Object, OwnedVolume, Volume, VolumeSpec};
use crate::manager::image::progress_of;
use crate::manager::{Error, VmManager};

/// The beginning of the names of pools that are there for a while, for files in folders of no pool.
const PASSING: &str = "vmtools-folder-";

/// The pools that were made for the sake of a clone.
#[derive(Debug, Default)]
pub(super) struct Folders {
    pools: Vec<String>,
}

impl VmManager {
    pub(super) async fn close_folders(&self, folders: Folders) {
        for pool in folders.pools {
            // One that another clone uses, too, is ended by that one, or with the daemon.
            let _ = self.client.end_pool(&pool).await;
        }
    }

    /// The file as a volume; a folder without a pool gets one for a while.
    pub(super) async fn source_volume(
        &self,
        vm: &str,
        path: &str,
        folders: &mut Folders,
    ) -> Result<(OwnedVolume, Volume), Error> {
        if let Some(found) = self.client.volume_of(path).await? {
            return Ok(found);
        }
        let refuse = || Error::NotInPool { name: vm.to_owned(), path: path.to_owned() };
        let folder =
            Path::new(path).parent().and_then(Path::to_str).filter(|folder| !folder.starts_with("/dev"));
        let folder = folder.ok_or_else(refuse)?;
        // It may have come to a known pool since libvirt last looked.
        for pool in self.client.active_pools().await? {
            if self.client.pool(&pool).await?.is_some_and(|pool| pool.path == folder) {
                let _ = self.client.refresh_pool(&pool).await;
            }
        }
        if let Some(found) = self.client.volume_of(path).await? {
            return Ok(found);
        }
        let mut hasher = std::hash::DefaultHasher::new();
        folder.hash(&mut hasher);
        let pool = format!("{PASSING}{:016x}", hasher.finish());
        match self.client.make_passing_pool(&pool, folder).await {
            Ok(()) => folders.pools.push(pool),
            Err(error) if error.is_connection() => return Err(error.into()),
            // Whether another has just made it shows below.
            Err(_) => {}
        }
        self.client.volume_of(path).await?.ok_or_else(refuse)
    }

    pub(super) async fn make_piece(
        &self,
        request: &CloneRequest,
        piece: &Piece,
        folders: &mut Folders,
    ) -> Result<(), Error> {
        let spec = |capacity_bytes, backing| VolumeSpec {
            name: &piece.to.volume,
            capacity_bytes,
            format: &piece.format,
            // A seed holds the guest's private host key.
            mode: "0600",
            backing,
        };
        match &piece.kind {
            Kind::Overlay { capacity_bytes, below } => {
                let backing = Some((piece.from.as_str(), below.as_str()));
                Ok(self.client.make_volume(&piece.to.pool, &spec(*capacity_bytes, backing)).await?)
            }
            Kind::Backup { capacity_bytes, .. } => {
                Ok(self.client.make_volume(&piece.to.pool, &spec(*capacity_bytes, None)).await?)
            }
            Kind::Bytes(bytes) => {
                let size = bytes.len() as u64;
                self.client.make_volume(&piece.to.pool, &spec(size, None)).await?;
                Ok(self.client.fill_volume(&piece.to.pool, &piece.to.volume, bytes).await?)
            }
            Kind::Copy { volume, capacity_bytes, flatten } => {
                if !flatten && self.copy_here(request, piece).await? {
                    return Ok(());
                }
                let work = async {
                    Ok(self.client.copy_volume(&piece.to.pool, &spec(*capacity_bytes, None), volume).await?)
                };
                self.interrupt.race(work).await
            }
            Kind::Small => {
                if self.copy_here(request, piece).await? {
                    return Ok(());
                }
                let (volume, file) = match self.source_volume(&request.source, &piece.from, folders).await {
                    // The firmware's variables of a VM that never ran.
                    Err(Error::NotInPool { .. }) if piece.to.volume.contains("_VARS.") => return Ok(()),
                    found => found?,
                };
                let spec = spec(file.capacity_bytes, None);
                Ok(self.client.copy_volume(&piece.to.pool, &spec, &volume).await?)
            }
        }
    }

    /// Copies the file as it is, without libvirt; false when this user may not, or it is on another host.
    async fn copy_here(&self, request: &CloneRequest, piece: &Piece) -> Result<bool, Error> {
        if !self.uri().is_local() {
            return Ok(false);
        }
        let from = match File::open(&piece.from) {
            Ok(from) => from,
            Err(error) if error.kind() == ErrorKind::NotFound => return gone(piece),
            Err(_) => return Ok(false),
        };
        let to = match File::options().write(true).create_new(true).mode(0o600).open(&piece.to.path) {
            Ok(to) => to,
            Err(_) => return Ok(false),
        };
        let told: Option<Progress> = matches!(piece.kind, Kind::Copy { .. })
            .then(|| progress_of(&self.observer, request.name.as_str()));
        let given_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&given_up);
        let mut work = tokio::task::spawn_blocking(move || copy_sparse(&from, &to, told.as_ref(), &flag));
        let ended = self.interrupt.race(async { Ok((&mut work).await) }).await;
        let copied = match ended {
            Ok(copied) => copied,
            Err(interrupted) => {
                given_up.store(true, Ordering::Relaxed);
                // Nothing may be written to it once it is removed.
                let _ = work.await;
                return Err(interrupted);
            }
        };
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::StorageFull => libvirt::Error::NoSpace {
                command: format!("copying {}", piece.from),
                message: error.to_string(),
            },
            _ => libvirt::Error::Refused {
                command: format!("copying {}", piece.from),
                message: error.to_string(),
            },
        };
        copied.map_err(std::io::Error::other).and_then(|copied| copied).map_err(failed)?;
        Ok(true)
    }
}

/// Firmware's variables come with the first start; any other file has to be there.
fn gone(piece: &Piece) -> Result<bool, Error> {
    if piece.to.volume.contains("_VARS.") {
        return Ok(true);
    }
    Err(libvirt::Error::NotFound { object: Object::Volume, name: piece.from.clone() }.into())
}
