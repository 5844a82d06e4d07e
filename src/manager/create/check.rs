//! What can be known before the first act.

use std::path::{Path, PathBuf};

use crate::host;
use crate::image::{LocalImage, check_iso};
use crate::libvirt::{self, Pool};
use crate::manager::create::Creation;
use crate::manager::delete::Deletion;
use crate::manager::gc::GarbageCollection;
use crate::manager::gc::Maker;
use crate::manager::host_checks::HostChecks;
use crate::manager::storage::Storage;
use crate::manager::{
    CreateError, DeletePlan, Error, Event, Place, ResourceError, StorageError, VmError, VmSpec, Warning,
};
use crate::model::{Acceleration, DiskSize};

/// What a VM takes at first beside its base image: an empty overlay, a seed, a log.
const FIRST_FILES: u64 = 8 << 20;

impl Creation<'_> {
    /// The name is free, as things stand (`define` decides), or gets free by removing what has it: where
    /// that is asked for, and where it is only what a killed create has left.
    pub(super) async fn check_name(&self, spec: &VmSpec) -> Result<Option<DeletePlan>, Error> {
        match self.op.client().domains().resolve(spec.name.as_str()).await {
            Ok(old) => {
                let domain = self.op.client().definitions().current(old.uuid).await?;
                if spec.replace
                    || matches!(GarbageCollection::of(self.op).maker_of(&domain).await?, Maker::Gone)
                {
                    return Deletion::of(self.op).plan_one(old).await.map(Some);
                }
                Err(VmError::Exists { name: spec.name.to_string() }.into())
            }
            Err(libvirt::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The host has what is asked for. Gives whether KVM is to be used.
    pub(super) fn check_host(&self, spec: &VmSpec) -> Result<bool, Error> {
        let kvm = self.check_acceleration(spec)?;
        let checks = HostChecks::of(self.op);
        checks.check_maxima(spec)?;
        checks.check_cpus(spec.cpus)?;
        checks.check_memory(spec.memory, spec.start)?;
        Ok(kvm)
    }

    /// Whether KVM is to be used.
    fn check_acceleration(&self, spec: &VmSpec) -> Result<bool, Error> {
        if spec.accel == Acceleration::Tcg {
            return Ok(false);
        }
        if !self.op.locality().is_here() {
            // Another host's: libvirt says at define if it has none.
            return Ok(true);
        }
        match (host::kvm(), spec.accel) {
            (host::Kvm::Usable, _) => Ok(true),
            (host::Kvm::Missing { reason }, Acceleration::Kvm) => Err(ResourceError::NoKvm { reason }.into()),
            (host::Kvm::Missing { reason }, _) => {
                self.op.report(Event::Warning(Warning::Emulation { reason }));
                Ok(false)
            }
        }
    }

    pub(super) fn check_room(
        &self,
        spec: &VmSpec,
        image: Option<&LocalImage>,
        pool: &Pool,
    ) -> Result<(), Error> {
        let available = Storage::of(self.op).room_in(pool);
        let needed = FIRST_FILES + image.map_or(0, |image| image.file_size_bytes);
        let size = DiskSize::from_bytes;
        if available < FIRST_FILES {
            return Err(StorageError::NoSpace {
                place: Place::Pool(pool.name.clone()),
                available: size(available),
                needed: size(needed),
            }
            .into());
        }
        let wanted = spec
            .extra_disks
            .iter()
            .fold(spec.disk_size.bytes(), |sum, disk| sum.saturating_add(disk.bytes()));
        if available < wanted {
            let (wanted, available) = (size(wanted), size(available));
            self.op.report(Event::Warning(Warning::DiskShort { wanted, available }));
        }
        Ok(())
    }

    /// QEMU's user gets at the pool's directory and at the ISO files.
    pub(super) fn check_paths(&self, spec: &VmSpec, pool: &Pool) -> Result<(), Error> {
        if self.op.locality().is_here() {
            spec.cdroms().try_for_each(|iso| check_iso(iso))?;
        }
        let pool = Path::new(&pool.path).join("any");
        HostChecks::of(self.op)
            .check_reach(std::iter::once(pool.as_path()).chain(spec.cdroms().map(PathBuf::as_path)))
    }
}

/// The size of the VM's disk, in bytes: what was asked for, never less than the image's.
pub(super) fn disk_size(spec: &VmSpec, image: Option<&LocalImage>) -> Result<u64, Error> {
    match image {
        Some(image) if image.virtual_size_bytes > spec.disk_size.bytes() => Err(CreateError::DiskTooSmall {
            wanted: spec.disk_size,
            needed: DiskSize::from_bytes(image.virtual_size_bytes),
            image: image.name.clone(),
        }
        .into()),
        _ => Ok(spec.disk_size.bytes()),
    }
}
