//! What a create would do.

use super::{Creation, Wiring};
use crate::libvirt;
use crate::manager::image::Images;
use crate::manager::{ColdReason, DeletePlan, Error, VmSpec};
use crate::model::{Firmware, InterfaceSpec, NetworkSpec, SharedFolder};

/// What a create would do.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Plan {
    /// The VM.
    pub name: String,
    /// The VM of that name which goes first.
    pub replaces: Option<DeletePlan>,
    /// The connection it would be on.
    pub uri: String,
    /// The base image; `None` for an empty disk.
    pub image: Option<String>,
    /// The ISO files in its CD-ROM drives; it boots from the first one while its disk is empty.
    pub cdroms: Vec<String>,
    /// Whether the image is here already, so that nothing needs to be downloaded.
    pub image_cached: Option<bool>,
    /// Its memory.
    pub memory_mib: u64,
    /// The most memory that it could be given while it runs.
    pub max_memory_mib: u64,
    /// Its vCPUs.
    pub cpus: u32,
    /// The most of them that it could be given while it runs.
    pub max_cpus: u32,
    /// The size of its disk.
    pub disk_size_bytes: u64,
    /// `kvm` or `tcg`.
    pub accel: &'static str,
    /// What boots it.
    pub firmware: Firmware,
    /// What its network interfaces are plugged into.
    pub networks: Vec<InterfaceSpec>,
    /// The networks that are inactive, and are started first.
    pub networks_to_start: Vec<String>,
    /// The ports of 127.0.0.1 that would lead to its guest, as `HOST:GUEST`; one for ssh is chosen at the create.
    pub publish: Vec<String>,
    /// The host's directories that its guest would mount.
    pub mounts: Vec<SharedFolder>,
    /// The storage pool of its disks.
    pub pool: String,
    /// Whether the pool is not there yet, and is made first.
    pub pool_is_new: bool,
    /// Whether it would be started.
    pub start: bool,
    /// Whether it would start from a warm state; `None` where that was not asked for.
    pub warm: Option<bool>,
    /// Why it would not.
    pub warm_reason: Option<ColdReason>,
    /// The files that would be made.
    pub files: Vec<String>,
    /// The definition that libvirt would get.
    #[serde(skip)]
    pub xml: String,
}

impl Creation<'_> {
    /// What [`VmManager::create`] would do. It changes nothing, and needs no image to be there.
    ///
    /// # Errors
    /// What the create's checks would find.
    pub(in crate::manager) async fn plan(&self, spec: &VmSpec) -> Result<Plan, Error> {
        let spec = &*self.for_provisioner(spec)?;
        self.check_user_data(spec)?;
        self.check_mounts(spec)?;
        let old = self.check_name(spec).await?;
        let mounts = self.mounts(spec).await?;
        let reference = self.reference(spec)?;
        let store = Images::of(self.op).image_store()?;
        let cached = reference.as_ref().map(|reference| store.is_cached(reference));
        let image = match (&reference, cached) {
            (Some(reference), Some(true)) => Some(store.obtain(reference, None).await?),
            (Some(reference), _) => {
                store.taking_unvouched(spec.takes_unvouched).check_reference(reference)?;
                None
            }
            _ => None,
        };
        let prepared = self.prepare(spec, image, old.as_ref(), mounts, false).await?;
        let warm = self.planned_start(spec, &prepared).await?;
        Ok(Plan {
            name: spec.name.to_string(),
            replaces: old,
            uri: self.op.uri().to_string(),
            image: spec.image.clone(),
            cdroms: prepared.domain.cdroms.clone(),
            image_cached: cached,
            memory_mib: spec.memory.mib(),
            max_memory_mib: spec.max_memory.unwrap_or(spec.memory).mib(),
            cpus: spec.cpus,
            max_cpus: spec.max_cpus.unwrap_or(spec.cpus),
            disk_size_bytes: prepared.disk_size_bytes,
            accel: if prepared.kvm { "kvm" } else { "tcg" },
            firmware: prepared.domain.firmware,
            networks: Wiring::of(self.op).interfaces_of(spec),
            networks_to_start: self.inactive_networks(spec).await?,
            publish: spec.publish.iter().map(ToString::to_string).collect(),
            mounts: prepared.domain.folders.clone(),
            pool: self.op.config().storage.pool.clone(),
            pool_is_new: self.op.client().pools().find(&self.op.config().storage.pool).await?.is_none(),
            start: spec.start,
            warm: warm.map(|planned| planned.is_ok()),
            warm_reason: warm.and_then(Result::err),
            files: prepared.domain.metadata.owned.iter().map(|owned| owned.path.clone()).collect(),
            xml: prepared.domain.to_element().to_document().map_err(|error| libvirt::Error::Unexpected {
                command: "create".into(),
                reason: error.to_string(),
            })?,
        })
    }

    async fn inactive_networks(&self, spec: &VmSpec) -> Result<Vec<String>, Error> {
        let mut inactive = Vec::new();
        for interface in Wiring::of(self.op).interfaces_of(spec) {
            let NetworkSpec::Network { name, .. } = interface.network else { continue };
            if !inactive.contains(&name) && !self.op.client().networks().find(&name).await?.active {
                inactive.push(name);
            }
        }
        Ok(inactive)
    }
}
