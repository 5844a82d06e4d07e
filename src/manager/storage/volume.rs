//! What libvirt takes the files of VMs for.

use std::path::Path;
use std::time::Duration;

use crate::image::chain::{Chain, FileState};
use crate::image::check_not_written;
use crate::image::header::Driver;
use crate::libvirt::{self, Disk, DiskSource, Domain, Object, OwnedVolume, Volume};
use crate::manager::clone::is_encrypted;
use crate::manager::storage::Storage;
use crate::manager::{CopyObstacle, DiskError, Error, StorageError};
use crate::model::Uuid;

/// How long a pool in which something is being made is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Storage<'_> {
    /// The path of the file or block device that holds a disk's data. On this host, it and all below it exist.
    ///
    /// # Errors
    /// [`DiskError::Elsewhere`], [`DiskError::FileMissing`].
    pub(in crate::manager) fn disk_file(&self, domain: &Domain, disk: &Disk) -> Result<String, Error> {
        let (name, target) = (domain.name.clone(), disk.target.clone());
        let Some(path) = disk.path.clone() else {
            return Err(
                DiskError::Elsewhere { name, disk: target, source_name: disk.source.to_string() }.into()
            );
        };
        if self.op.locality().is_here() {
            let driver = Driver::from_name(disk.format.as_deref().unwrap_or("raw"));
            let files = Chain::read(Path::new(&path), driver).links.into_iter().map(|link| link.file);
            if let Some(missing) = files.into_iter().find(|file| file.state == FileState::Missing) {
                if let DiskSource::Volume { .. } = disk.source {
                    let source_name =
                        format!("{}, and {} does not exist", disk.source, missing.path.display());
                    return Err(DiskError::Elsewhere { name, disk: target, source_name }.into());
                }
                return Err(DiskError::FileMissing { name, disk: target, path: missing.path }.into());
            }
        }
        Ok(path)
    }

    /// Checks that no QEMU that libvirt does not know of, such as a VM of another daemon or a qemu-img, may write to
    /// the file of a disk of a VM that is shut off, or to one below it. On another host that cannot be determined.
    ///
    /// # Errors
    /// [`image::Error::InUse`](crate::image::Error::InUse).
    pub(in crate::manager) fn refuse_written(&self, path: &str, format: Option<&str>) -> Result<(), Error> {
        if self.op.locality().is_here() {
            let chain = Chain::read(Path::new(path), Driver::from_name(format.unwrap_or("raw")));
            chain.files().try_for_each(|file| check_not_written(&file.path))?;
        }
        Ok(())
    }

    /// What the guest sees of a disk and what it takes on the host, in bytes, as far as libvirt can tell. Of a
    /// disk that is a volume it tells only while its VM runs; the pool tells else.
    pub(in crate::manager) async fn disk_sizes(
        &self,
        uuid: Uuid,
        disk: &Disk,
    ) -> Result<(Option<u64>, Option<u64>), Error> {
        let sizes = self.op.client().statistics().disk_sizes(uuid, &disk.target).await?;
        let (DiskSource::Volume { .. }, (None, _), Some(path)) = (&disk.source, sizes, &disk.path) else {
            return Ok(sizes);
        };
        let found = self.volume_at(path).await?;
        Ok(found.map_or(sizes, |(_, file)| (Some(file.capacity_bytes), Some(file.allocation_bytes))))
    }

    /// The file as a volume of an active pool. Where libvirt does not know it, the pools of its directory are looked at
    /// anew: others put files there without libvirt, and so do clones, of which a daemon that crashed has not learned.
    pub(in crate::manager) async fn volume_at(
        &self,
        path: &str,
    ) -> Result<Option<(OwnedVolume, Volume)>, Error> {
        let (pools, volumes) = (self.op.client().pools(), self.op.client().volumes());
        if let Some(found) = volumes.at_path(path).await? {
            return Ok(Some(found));
        }
        let folder = Path::new(path).parent();
        for name in pools.active().await? {
            let pool = self.running_pool(&name).await?;
            if pool.is_some_and(|pool| Some(Path::new(&pool.path)) == folder) {
                self.op.retry(PATIENCE).while_busy(async || pools.refresh(&name).await).await?;
                return Ok(volumes.at_path(path).await?);
            }
        }
        Ok(None)
    }

    /// Whether the disk's data lies beside its file, in one that a copy of the file would share.
    pub(in crate::manager) fn has_data_file(&self, disk: &Disk) -> bool {
        let Some(path) = disk.path.as_ref().filter(|_| self.op.locality().is_here()) else {
            return disk.data_store.is_some();
        };
        let chain = Chain::read(Path::new(path), Driver::from_name(disk.format.as_deref().unwrap_or("raw")));
        let top = chain.links.first();
        disk.data_store.is_some()
            || top.is_some_and(|top| !top.data_files.is_empty() || top.has_unknown_data_file)
    }

    /// What libvirt knows of a volume that has to be there.
    pub(in crate::manager) async fn volume_now(&self, volume: &OwnedVolume) -> Result<Volume, Error> {
        let found =
            self.op.client().volumes().find_each(&volume.pool, &[&volume.volume]).await?.pop().flatten();
        let missing = || libvirt::Error::missing(Object::Volume, volume.path.clone());
        Ok(found.ok_or_else(missing)?)
    }

    /// As [`Storage::volume_now`], of a disk that libvirt is to copy. A guest can write another format's header
    /// to its raw disk, and libvirt, which copies a file as what it has found it to be, would follow that to
    /// files that are none of the guest's.
    ///
    /// # Errors
    /// [`StorageError::Forged`]; [`DiskError::NotCopyable`] for one that is encrypted, which would be written out in clear.
    pub(in crate::manager) async fn volume_to_copy(
        &self,
        domain: &Domain,
        disk: &Disk,
        volume: &OwnedVolume,
    ) -> Result<Volume, Error> {
        if is_encrypted(domain, disk) {
            let reason = CopyObstacle::Encrypted;
            return Err(DiskError::NotCopyable {
                name: domain.name.clone(),
                disk: disk.target.clone(),
                reason,
            }
            .into());
        }
        let is_raw = disk.format.as_deref().is_none_or(|format| format == "raw");
        if is_raw {
            // Else another's look, between this and the copy, could bring up what the guest has written.
            self.op
                .retry(PATIENCE)
                .while_busy(async || self.op.client().pools().refresh(&volume.pool).await)
                .await?;
        }
        let file = self.volume_now(volume).await?;
        if is_raw && file.format.as_deref().is_some_and(|probed| probed != "raw") {
            return Err(StorageError::Forged { name: domain.name.clone(), disk: disk.target.clone() }.into());
        }
        Ok(file)
    }
}
