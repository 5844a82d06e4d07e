//! Where the volumes are that disks name by pool and volume.

use std::collections::HashMap;
use std::path::Path;

use crate::libvirt::client::command::Command;
use crate::libvirt::{Disk, DiskSource, Domain, DomainDefinitions, Error};

impl DomainDefinitions<'_> {
    /// Fills in the paths of domains' disks that are volumes of pools. A pool that is inactive is not started: of one
    /// whose volumes are files, its directory tells. A volume of a pool that is not there has no path.
    pub(in crate::libvirt) async fn locate_volumes(
        self,
        disks: impl Iterator<Item = &mut Vec<Disk>>,
    ) -> Result<(), Error> {
        let mut disks: Vec<&mut Disk> = disks.flatten().collect();
        let mut paths: HashMap<(String, String), Option<String>> = HashMap::new();
        for disk in &disks {
            if let (DiskSource::Volume { pool, volume }, true) = (&disk.source, disk.is_unlocated()) {
                paths.insert((pool.clone(), volume.clone()), None);
            }
        }
        for ((pool, volume), path) in &mut paths {
            let command = Command::new("vol-path").option("--pool", pool).option("--vol", volume);
            *path = match self.client.call(command).await {
                Ok(text) => Some(text.trim_end_matches('\n').to_owned()),
                Err(error) if error.is_connection() => return Err(error),
                Err(_) => {
                    let pool = self.client.pools().find(pool).await?.filter(|pool| pool.kind.has_files());
                    pool.map(|pool| Path::new(&pool.path).join(volume).to_string_lossy().into_owned())
                }
            };
        }
        for disk in &mut disks {
            if let DiskSource::Volume { pool, volume } = &disk.source {
                disk.path = paths.get(&(pool.clone(), volume.clone())).cloned().flatten();
            }
        }
        Ok(())
    }

    /// As [`DomainDefinitions::locate_volumes`], of one.
    pub(in crate::libvirt) async fn located(self, mut domain: Domain) -> Result<Domain, Error> {
        self.locate_volumes(std::iter::once(&mut domain.disks)).await?;
        Ok(domain)
    }
}
