//! The disks of a clone, and the room that they need.

use std::collections::HashSet;
use std::path::Path;

use super::{Kind, Names, NewFile};
use crate::libvirt::{Disk, Domain, Pool};
use crate::manager::clone::copying::Folders;
use crate::manager::clone::{CloneMode, CloneRequest, Cloning};
use crate::manager::storage::{Storage, base};
use crate::manager::{CopyObstacle, DiskError, Error, Place, StorageError};
use crate::model::DiskSize;

impl Cloning<'_> {
    /// A piece for each disk that holds data of the source's alone, and the room that they need.
    pub(super) async fn disk_files(
        &self,
        request: &CloneRequest,
        source: &Domain,
        names: &Names<'_>,
        folders: &mut Folders,
    ) -> Result<(Vec<NewFile>, u64), Error> {
        let mut new_files = Vec::new();
        let mut needed = 0;
        for disk in source.disks.iter().filter(|disk| disk.is_own()) {
            let path = &Storage::of(self.op).disk_file(source, disk)?;
            if is_encrypted(source, disk) {
                let (name, disk) = (source.name.clone(), disk.target.clone());
                return Err(DiskError::NotCopyable { name, disk, reason: CopyObstacle::Encrypted }.into());
            }
            let format = disk.format.clone().unwrap_or_else(|| "raw".to_owned());
            let (kind, format) = match request.mode {
                CloneMode::Linked => {
                    let (capacity_bytes, _) = self.sizes(source, disk).await?;
                    (Kind::Overlay { capacity_bytes, below: format }, "qcow2".to_owned())
                }
                CloneMode::Live => {
                    let (capacity_bytes, allocation_bytes) = self.sizes(source, disk).await?;
                    // What is below is copied with it.
                    needed += self.chain_bytes(path).await?.max(allocation_bytes).min(capacity_bytes);
                    (Kind::Backup { target: disk.target.clone(), capacity_bytes }, "qcow2".to_owned())
                }
                CloneMode::Full | CloneMode::Fork => {
                    let (volume, _) = self.source_volume(&source.name, path, folders).await?;
                    let file = Storage::of(self.op).volume_to_copy(source, disk, &volume).await?;
                    let has_data_file = Storage::of(self.op).has_data_file(disk);
                    let backing = file.backing.as_deref();
                    let below = file.backing.clone().zip(file.backing_format.clone());
                    let stands_on_others = backing
                        .is_some_and(|backing| !base::is_base_file(Path::new(backing)) || below.is_none());
                    let flatten = stands_on_others || has_data_file || !is_plain(&format);
                    needed += match flatten {
                        true => self.chain_bytes(&file.path).await?.min(file.capacity_bytes),
                        false => file.allocation_bytes,
                    };
                    let format = if is_plain(&format) { format } else { "qcow2".to_owned() };
                    let capacity_bytes = file.capacity_bytes;
                    (Kind::Copy { volume, capacity_bytes, flatten, below }, format)
                }
            };
            let to = names.disk(new_files.len(), &format);
            new_files.push(NewFile { from: path.clone(), to, format, kind });
        }
        Ok((new_files, needed))
    }

    async fn sizes(&self, source: &Domain, disk: &Disk) -> Result<(u64, u64), Error> {
        let (capacity, allocation) = Storage::of(self.op).disk_sizes(source.uuid, disk).await?;
        let refuse = || DiskError::NotCopyable {
            name: source.name.clone(),
            disk: disk.target.clone(),
            reason: CopyObstacle::SizeUnknown,
        };
        Ok((capacity.ok_or_else(refuse)?, allocation.unwrap_or(0)))
    }

    /// What a file and those below it take on the disk.
    async fn chain_bytes(&self, path: &str) -> Result<u64, Error> {
        let (mut sum, mut at, mut seen) = (0, path.to_owned(), HashSet::new());
        while seen.insert(at.clone())
            && let Some((_, file)) = self.op.client().volumes().at_path(&at).await?
        {
            sum += file.allocation_bytes;
            match file.backing {
                Some(below) => at = below,
                None => break,
            }
        }
        Ok(sum)
    }

    pub(super) fn check_clone_room(&self, pool: &Pool, needed: u64) -> Result<(), Error> {
        let available = Storage::of(self.op).room_in(pool);
        if available >= needed {
            return Ok(());
        }
        let size = DiskSize::from_bytes;
        Err(StorageError::NoSpace {
            place: Place::Pool(pool.name.clone()),
            available: size(available),
            needed: size(needed),
        }
        .into())
    }
}

/// Whether a file of the format can be copied as it is.
fn is_plain(format: &str) -> bool {
    matches!(format, "raw" | "qcow2")
}

pub(in crate::manager) fn is_encrypted(source: &Domain, disk: &Disk) -> bool {
    let disks = source.tree.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
    let mut of_it = disks.filter(|element| element.find_attribute("target", "dev") == Some(&disk.target));
    of_it.any(|element| element.find("encryption").is_some() || element.find("source/encryption").is_some())
}
