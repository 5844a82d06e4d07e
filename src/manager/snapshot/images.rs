//! The snapshots that are in a VM's disks, whatever libvirt knows of them.

use std::path::Path;

use super::Snapshots;
use crate::image::{InternalSnapshot, SnapshotTable, internal_snapshots};
use crate::libvirt::{Disk, DiskSource, Domain};
use crate::manager::Error;
use crate::manager::storage::Storage;

/// A disk that can have snapshots, and those that it has.
#[derive(Debug, Clone)]
pub(super) struct DiskTable {
    /// The disk's target.
    pub(super) target: String,
    /// In the file's order; `None` where it can't be read.
    pub(super) snapshots: Option<Vec<InternalSnapshot>>,
}

impl DiskTable {
    /// Whether the disk has a snapshot of that name; `None` where that can't be read.
    pub(super) fn has(&self, name: &str) -> Option<bool> {
        Some(self.snapshots.as_ref()?.iter().any(|snapshot| snapshot.name == name))
    }
}

impl Snapshots<'_> {
    /// What the VM's disks have, as far as this user may read their files.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(super) async fn tables(&self, domain: &Domain) -> Result<Vec<DiskTable>, Error> {
        if !self.op.locality().is_here() {
            return Ok(Vec::new());
        }
        let disks: Vec<(String, String)> = domain
            .disks
            .iter()
            .filter(|disk| keeps_snapshots(disk))
            .filter_map(|disk| Some((disk.target.clone(), disk.path.clone()?)))
            .collect();
        let read = move |_: &_| {
            let table = |(target, path): (String, String)| DiskTable {
                target,
                snapshots: internal_snapshots(Path::new(&path)).ok(),
            };
            Ok(disks.into_iter().map(table).collect())
        };
        Ok(self.op.blocking(read).await?.unwrap_or_default())
    }

    /// The same, asked of libvirt where this user may not read a file: of a VM that is shut off.
    ///
    /// # Errors
    /// When the connection fails; [`Error::Interrupted`].
    pub(super) async fn tables_by_any_means(&self, domain: &Domain) -> Result<Vec<DiskTable>, Error> {
        let mut tables = self.tables(domain).await?;
        let disks = domain.disks.iter().filter(|disk| keeps_snapshots(disk));
        for disk in disks {
            let known = tables.iter().position(|table| table.target == disk.target);
            if known.is_some_and(|at| tables[at].snapshots.is_some()) {
                continue;
            }
            let snapshots = self.table_by_libvirt(disk).await?;
            let table = DiskTable { target: disk.target.clone(), snapshots };
            match known {
                Some(at) => tables[at] = table,
                None => tables.push(table),
            }
        }
        Ok(tables)
    }

    async fn table_by_libvirt(&self, disk: &Disk) -> Result<Option<Vec<InternalSnapshot>>, Error> {
        let Some(path) = &disk.path else { return Ok(None) };
        let Some((volume, _)) = Storage::of(self.op).volume_at(path).await? else { return Ok(None) };
        let volumes = self.op.client().volumes();
        let bytes =
            async |offset, limit| match volumes.bytes(&volume.pool, &volume.volume, offset, limit).await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.is_connection() => Err(error),
                Err(_) => Ok(None),
            };
        let Some(head) = bytes(0, SnapshotTable::HEAD_BYTES).await? else { return Ok(None) };
        let Some(table) = SnapshotTable::of_head(&head) else { return Ok(Some(Vec::new())) };
        let rest = bytes(table.offset, table.bytes_at_most() as u64).await?;
        Ok(rest.map(|rest| table.entries(&rest)))
    }
}

/// Whether snapshots can be in the disk's own file.
pub(super) fn keeps_snapshots(disk: &Disk) -> bool {
    disk.is_own()
        && disk.format.as_deref() == Some("qcow2")
        && matches!(disk.source, DiskSource::File { .. } | DiskSource::Volume { .. })
}
