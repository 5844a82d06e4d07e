//! What can be known before the first act.

use std::path::{Path, PathBuf};

use crate::host;
use crate::image::{LocalImage, check_regular};
use crate::libvirt::{self, Pool};
use crate::manager::gc::Maker;
use crate::manager::{DeletePlan, Error, Event, VmManager, VmSpec, Warning};
use crate::model::{Acceleration, DiskSize, MemorySize};

/// What a VM takes at first beside its base image: an empty overlay, a seed, a log.
const FIRST_FILES: u64 = 8 << 20;

/// With more than so many for each of the host's a guest hardly comes up; QEMU was seen to spin for
/// minutes, with the host's memory full, on 4096 for 2.
const MOST_CPUS_PER_HOST_CPU: u32 = 32;

impl VmManager {
    /// The name is free, as things stand (`define` decides), or gets free by removing what has it: where
    /// that is asked for, and where it is only what a killed create has left.
    pub(super) async fn check_name(&self, spec: &VmSpec) -> Result<Option<DeletePlan>, Error> {
        match self.client.resolve(spec.name.as_str()).await {
            Ok(old) => {
                let domain = self.client.domain(&old.uuid).await?;
                if spec.replace || matches!(self.maker_of(&domain).await?, Maker::Gone) {
                    return self.plan_delete(&old.uuid).await.map(Some);
                }
                Err(Error::Exists { name: spec.name.to_string() })
            }
            Err(libvirt::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether KVM is to be used.
    pub(super) fn check_acceleration(&self, spec: &VmSpec) -> Result<bool, Error> {
        if spec.accel == Acceleration::Tcg {
            return Ok(false);
        }
        if !self.uri().is_local() {
            // Another host's: libvirt says at define if it has none.
            return Ok(true);
        }
        match (host::kvm(), spec.accel) {
            (host::Kvm::Usable, _) => Ok(true),
            (host::Kvm::Missing { reason }, Acceleration::Kvm) => Err(Error::NoKvm { reason }),
            (host::Kvm::Missing { reason }, _) => {
                self.report(Event::Warning(Warning::Emulation { reason }));
                Ok(false)
            }
        }
    }

    /// The host could give what the VM may be given later, too.
    pub(super) fn check_maxima(&self, spec: &VmSpec) -> Result<(), Error> {
        if let Some(cpus) = spec.max_cpus
            && self.uri().is_local()
            && let Some(error) = too_many_cpus(cpus)
        {
            return Err(error);
        }
        spec.max_memory.map_or(Ok(()), |memory| self.check_memory(memory, false))
    }

    /// The host could run so many virtual processors.
    pub(in crate::manager) fn check_cpus(&self, wanted: u32) -> Result<(), Error> {
        if !self.uri().is_local() {
            return Ok(());
        }
        if let Some(error) = too_many_cpus(wanted) {
            return Err(error);
        }
        if let Some(host) = host_cpus().filter(|host| wanted > *host) {
            self.report(Event::Warning(Warning::CpusMany { wanted, host }));
        }
        Ok(())
    }

    /// The host has so much memory, and with `at_once` as much is free, else there is a warning.
    pub(in crate::manager) fn check_memory(&self, wanted: MemorySize, at_once: bool) -> Result<(), Error> {
        if !self.uri().is_local() {
            return Ok(());
        }
        let memory = host::memory()?;
        if wanted.mib() > memory.total_mib {
            let total = MemorySize::from_mib(memory.total_mib);
            return Err(Error::TooMuchMemory { wanted, total });
        }
        if at_once && wanted.mib() > memory.available_mib {
            let available = MemorySize::from_mib(memory.available_mib);
            self.report(Event::Warning(Warning::MemoryShort { wanted, available }));
        }
        Ok(())
    }

    pub(super) fn check_room(
        &self,
        spec: &VmSpec,
        image: Option<&LocalImage>,
        pool: &Pool,
    ) -> Result<(), Error> {
        let available = self.room_in(pool);
        let needed = FIRST_FILES + image.map_or(0, |image| image.file_size_bytes);
        let size = DiskSize::from_bytes;
        if available < FIRST_FILES {
            return Err(Error::NoRoom {
                pool: pool.name.clone(),
                available: size(available),
                needed: size(needed),
            });
        }
        let wanted = spec
            .extra_disks
            .iter()
            .fold(spec.disk_size.bytes(), |sum, disk| sum.saturating_add(disk.bytes()));
        if available < wanted {
            let (wanted, available) = (size(wanted), size(available));
            self.report(Event::Warning(Warning::DiskShort { wanted, available }));
        }
        Ok(())
    }

    /// QEMU's user gets at the pool's folder and at the ISO files.
    pub(super) fn check_paths(&self, spec: &VmSpec, pool: &Pool) -> Result<(), Error> {
        if self.uri().is_local() {
            spec.cdroms().try_for_each(|iso| check_regular(iso))?;
        }
        let pool = Path::new(&pool.path).join("any");
        self.check_reach(std::iter::once(pool.as_path()).chain(spec.cdroms().map(PathBuf::as_path)))
    }

    /// The folders above the files are open to QEMU's user; libvirt hands it the files themselves.
    pub(in crate::manager) fn check_reach<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a Path>,
    ) -> Result<(), Error> {
        if !self.uri().is_local() || self.uri().is_session() {
            return Ok(());
        }
        let Some(account) = host::qemu_account() else { return Ok(()) };
        for path in paths {
            // A folder that this user may not look at is left for QEMU to complain of.
            if let Ok(Some(blocker)) = host::blocker(&account, path, None) {
                return Err(Error::PathBlocked { path: path.to_owned(), blocker });
            }
        }
        Ok(())
    }

    /// The socket for vmtools' own QMP monitor, where there is a folder for it.
    pub(in crate::manager) fn qmp_socket(&self, uuid: uuid::Uuid) -> Option<String> {
        if !self.uri().is_local() {
            return None;
        }
        let folder = if self.uri().is_session() {
            host::ready_session_qmp_folder()?
        } else {
            let account = host::qemu_account();
            match host::system_qmp_folder(account.as_ref()) {
                host::QmpFolder::Usable(path) => path,
                _ => return None,
            }
        };
        host::qmp_socket(&folder, uuid).map(|path| path.to_string_lossy().into_owned())
    }
}

fn host_cpus() -> Option<u32> {
    let host = std::thread::available_parallelism().ok()?;
    Some(u32::try_from(host.get()).unwrap_or(u32::MAX))
}

fn too_many_cpus(wanted: u32) -> Option<Error> {
    let host = host_cpus()?;
    (wanted > host.saturating_mul(MOST_CPUS_PER_HOST_CPU)).then_some(Error::TooManyCpus { wanted, host })
}

/// The size of the VM's disk, in bytes: what was asked for, never less than the image's.
pub(super) fn disk_size(spec: &VmSpec, image: Option<&LocalImage>) -> Result<u64, Error> {
    match image {
        Some(image) if image.virtual_size_bytes > spec.disk_size.bytes() => Err(Error::DiskTooSmall {
            wanted: spec.disk_size,
            needed: DiskSize::from_bytes(image.virtual_size_bytes),
            image: image.name.clone(),
        }),
        _ => Ok(spec.disk_size.bytes()),
    }
}
