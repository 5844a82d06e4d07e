use std::time::{Duration, Instant};

use super::gc::Maker;
use super::protect::refuse_protected;
use super::{Error, VmManager};
use crate::guest;
use crate::libvirt::{Domain, OwnedVolume, Scope};

/// How long a removal tries while libvirt is busy with something of the VM.
const PATIENCE: Duration = Duration::from_secs(30);

/// What deleting a VM takes away, and what it leaves.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeletePlan {
    /// The VM.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// Whether it has to be stopped first.
    pub running: bool,
    /// The files that go.
    pub delete: Vec<String>,
    /// The files that stay: shared bases, ISOs, disks that vmtools didn't make.
    pub keep: Vec<String>,
    /// Its snapshots, which go.
    pub snapshots: Vec<String>,
    #[serde(skip)]
    volumes: Vec<OwnedVolume>,
    /// The ports of 127.0.0.1 that get free with it.
    #[serde(skip)]
    pub(super) ports: Vec<u16>,
}

/// A VM that was deleted.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Deleted {
    /// The VM.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// The files that went.
    pub deleted: Vec<String>,
    /// The files that stayed.
    pub kept: Vec<String>,
}

impl VmManager {
    /// What deleting the VM would do.
    ///
    /// # Errors
    /// [`Error::BeingMade`] while a create is at it; [`Error::Protected`]; [`Error::InUse`] when another VM's disk stands on one of its own.
    pub async fn plan_delete(&self, name: &str, keep_disks: bool) -> Result<DeletePlan, Error> {
        let id = self.client.resolve(name).await?;
        let running = self.client.state(&id.uuid).await?.is_active();
        let domain = self.client.domain(&id.uuid).await?;
        if matches!(self.maker_of(&domain).await?, Maker::AtWork) {
            return Err(Error::BeingMade { name: id.name });
        }
        refuse_protected(&domain)?;
        let snapshots = self.client.snapshots(&id.uuid).await?;
        let volumes: Vec<OwnedVolume> = match &domain.metadata {
            // The seed and the log are of no use without the VM; its disks are.
            Some(record) if keep_disks => {
                record.owned.iter().filter(|owned| !is_disk(&domain, &owned.path)).cloned().collect()
            }
            Some(record) => record.owned.clone(),
            None => Vec::new(),
        };
        self.refuse_needed(&domain, &volumes).await?;
        let delete: Vec<String> = volumes.iter().map(|volume| volume.path.clone()).collect();
        let disks = domain.disks.iter().filter_map(|disk| disk.path.clone());
        let keep = disks.filter(|path| !delete.contains(path)).collect();
        let published = domain.metadata.iter().filter(|_| running).flat_map(|record| &record.published);
        let ports = published.map(|port| port.host).collect();
        Ok(DeletePlan { name: id.name, uuid: id.uuid, running, delete, keep, snapshots, volumes, ports })
    }

    /// Does what the plan says, stopping the VM at once if it runs. The definition goes last.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not everything could be removed.
    pub async fn delete(&self, plan: DeletePlan) -> Result<Deleted, Error> {
        match self.client.stored_domain(&plan.uuid).await {
            // It may have been protected since it was planned.
            Ok(domain) => refuse_protected(&domain)?,
            Err(error) if error.is_connection() => return Err(error.into()),
            Err(_) => {}
        }
        let deadline = Instant::now() + PATIENCE;
        self.remove_domain(&plan.uuid, &plan.volumes, plan.running, deadline).await.map_err(|left| {
            let cause = Box::new(Error::NotRemoved { name: plan.name.clone() });
            Error::LeftBehind { cause, left }
        })?;
        if let Ok(uuid) = plan.uuid.parse() {
            guest::forget_known_host(self.paths.state_folder(), uuid).map_err(guest::Error::from)?;
        }
        Ok(Deleted { name: plan.name, uuid: plan.uuid, deleted: plan.delete, kept: plan.keep })
    }

    /// No other VM uses one of the volumes, nor has a disk that stands on one.
    async fn refuse_needed(&self, domain: &Domain, volumes: &[OwnedVolume]) -> Result<(), Error> {
        if volumes.is_empty() {
            return Ok(());
        }
        let ids = self.client.domains(Scope::All).await?;
        let others: Vec<&str> =
            ids.iter().map(|id| id.uuid.as_str()).filter(|uuid| *uuid != domain.uuid).collect();
        let in_use = |path: &str, by: &str| Error::InUse { path: path.to_owned(), needed_by: by.to_owned() };
        for other in self.client.domains_in_full(&others).await? {
            for disk in &other.disks {
                let chain = disk.path.iter().chain(&disk.backing);
                for path in chain {
                    if volumes.iter().any(|volume| volume.path == *path) {
                        return Err(in_use(path, &format!("the VM {}", other.name)));
                    }
                }
            }
        }
        let mut pools: Vec<&str> = volumes.iter().map(|volume| volume.pool.as_str()).collect();
        pools.dedup();
        for pool in pools {
            // What others have put there since libvirt last looked may stand on one of these.
            let deadline = Instant::now() + PATIENCE;
            self.retry(deadline, || self.client.refresh_pool(pool)).await?;
            let present = match self.client.volumes(pool).await {
                // A pool that is gone has nothing that could stand on anything.
                Err(error) if error.is_not_found() => continue,
                present => present?,
            };
            for file in present {
                let Some(backing) = &file.backing else { continue };
                let own = |path: &str| volumes.iter().any(|volume| volume.path == path);
                if own(backing) && !own(&file.path) {
                    return Err(in_use(backing, &file.path));
                }
            }
        }
        Ok(())
    }
}

/// Whether the path is a disk that holds the guest's own data, neither the seed nor the log.
fn is_disk(domain: &Domain, path: &str) -> bool {
    domain
        .disks
        .iter()
        .any(|disk| disk.path.as_deref() == Some(path) && disk.format.as_deref() == Some("qcow2"))
}
