//! Whether the daemon's host could run what is asked for, as far as that can be known from here.

mod error;

use std::path::{Path, PathBuf};

pub use error::ResourceError;

use super::operation::noun;
use super::{Error, Event, VmSpec, Warning};
use crate::host;
use crate::model::{MemorySize, Uuid};

/// With more than so many for each of the host's a guest hardly comes up; QEMU was seen to spin for
/// minutes, with the host's memory full, on 4096 for 2.
const MOST_CPUS_PER_HOST_CPU: u32 = 32;

noun! {
    /// Checks of the daemon's host, where that is this one.
    HostChecks
}

impl HostChecks<'_> {
    /// The host could give what the VM may be given later, too.
    pub(in crate::manager) fn check_maxima(&self, spec: &VmSpec) -> Result<(), Error> {
        if let Some(cpus) = spec.max_cpus
            && self.op.locality().is_here()
            && let Some(error) = too_many_cpus(cpus)
        {
            return Err(error);
        }
        spec.max_memory.map_or(Ok(()), |memory| self.check_memory(memory, false))
    }

    /// The host could run so many vCPUs.
    pub(in crate::manager) fn check_cpus(&self, wanted: u32) -> Result<(), Error> {
        if !self.op.locality().is_here() {
            return Ok(());
        }
        if let Some(error) = too_many_cpus(wanted) {
            return Err(error);
        }
        if let Some(host) = host_cpus().filter(|host| wanted > *host) {
            self.op.report(Event::Warning(Warning::CpusMany { wanted, host }));
        }
        Ok(())
    }

    /// The host has so much memory, and with `at_once` as much is free, else there is a warning.
    pub(in crate::manager) fn check_memory(&self, wanted: MemorySize, at_once: bool) -> Result<(), Error> {
        if !self.op.locality().is_here() {
            return Ok(());
        }
        let memory = host::memory()?;
        if wanted.mib() > memory.total_mib {
            let total = MemorySize::from_mib(memory.total_mib);
            return Err(ResourceError::TooMuchMemory { wanted, total }.into());
        }
        if at_once && wanted.mib() > memory.available_mib {
            let available = MemorySize::from_mib(memory.available_mib);
            self.op.report(Event::Warning(Warning::MemoryShort { wanted, available }));
        }
        Ok(())
    }

    /// The directories above the files are open to QEMU's user; libvirt hands it the files themselves.
    pub(in crate::manager) fn check_reach<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a Path>,
    ) -> Result<(), Error> {
        if !self.op.locality().is_here() || self.op.locality().is_session() {
            return Ok(());
        }
        let Some(account) = host::qemu_account() else { return Ok(()) };
        for path in paths {
            // A folder that this user may not look at is left for QEMU to complain of.
            if let Ok(Some(blocker)) = host::blocker(&account, path, None) {
                return Err(ResourceError::PathBlocked { path: path.to_owned(), blocker }.into());
            }
        }
        Ok(())
    }

    /// The socket for vmtools' own QMP monitor, where there is a directory for it.
    pub(in crate::manager) fn qmp_socket(&self, uuid: Uuid) -> Option<String> {
        let path = host::qmp_socket(&self.socket_folder()?, uuid)?;
        Some(path.to_string_lossy().into_owned())
    }

    /// The socket for VNC, in the same directory.
    pub(in crate::manager) fn vnc_socket(&self, uuid: Uuid) -> Option<String> {
        let path = host::vnc_socket(&self.socket_folder()?, uuid)?;
        Some(path.to_string_lossy().into_owned())
    }

    fn socket_folder(&self) -> Option<PathBuf> {
        if !self.op.locality().is_here() {
            return None;
        }
        if self.op.locality().is_session() {
            return host::ready_session_qmp_folder();
        }
        match host::system_qmp_folder(host::qemu_account().as_ref()) {
            host::QmpFolder::Usable(path) => Some(path),
            _ => None,
        }
    }
}

/// The path as it stands in a definition. With another character for what is no text it would be another file's.
///
/// # Errors
/// [`ResourceError::NotUtf8`].
pub(in crate::manager) fn utf8_path(path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| ResourceError::NotUtf8 { path: path.to_owned() })?;
    Ok(text.to_owned())
}

fn host_cpus() -> Option<u32> {
    let host = std::thread::available_parallelism().ok()?;
    Some(u32::try_from(host.get()).unwrap_or(u32::MAX))
}

fn too_many_cpus(wanted: u32) -> Option<Error> {
    let host = host_cpus()?;
    (wanted > host.saturating_mul(MOST_CPUS_PER_HOST_CPU))
        .then_some(ResourceError::TooManyCpus { wanted, host }.into())
}
