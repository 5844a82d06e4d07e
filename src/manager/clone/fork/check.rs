//! What has to be so before a VM is forked.

use std::path::Path;

use super::{ForkError, ForkObstacle, Forking};
use crate::libvirt::{DiskSource, Domain};
use crate::manager::clone::plan::ClonePlan;
use crate::manager::vm::Vm;
use crate::manager::warm::WarmFolder;
use crate::manager::{Error, VmError};
use crate::model::VmState;

impl Forking<'_> {
    /// The running definition of a VM that can be forked, as far as its definitions tell.
    ///
    /// # Errors
    /// [`VmError::NotRunning`]; [`ForkError::NotPossible`].
    pub(super) fn refuse_unforkable<'v>(&self, vm: &'v Vm) -> Result<&'v Domain, Error> {
        let name = || vm.id.name.clone();
        let running = match (vm.state, &vm.running) {
            (VmState::Running, Some(running)) => running,
            (VmState::Paused, _) => return Err(VmError::Paused { name: name() }.into()),
            _ => return Err(VmError::NotRunning { name: name() }.into()),
        };
        match obstacle(running, self.op.locality().is_here()) {
            Some(reason) => Err(ForkError::NotPossible { name: name(), reason }.into()),
            None => Ok(running),
        }
    }

    /// The directory that its memory is written to.
    ///
    /// # Errors
    /// [`ForkError::NotPossible`].
    pub(super) fn memory_folder(&self, source: &Domain, plan: &ClonePlan) -> Result<WarmFolder, Error> {
        let not = |reason| Error::from(ForkError::NotPossible { name: source.name.clone(), reason });
        let folder = WarmFolder::of(&plan.pool).filter(|_| plan.is_folder_here);
        let folder = folder.ok_or_else(|| not(ForkObstacle::StoragePool))?;
        folder.ready().map_err(|_| not(ForkObstacle::NotPermitted))?;
        Ok(folder)
    }

    /// What runs has to be the machine that the fork's definition makes: the memory is of that.
    ///
    /// # Errors
    /// [`ForkError::NotPossible`].
    pub(super) async fn refuse_changed(
        &self,
        source: &Domain,
        plan: &ClonePlan,
        fork: &Domain,
    ) -> Result<(), Error> {
        let not = |reason| Error::from(ForkError::NotPossible { name: source.name.clone(), reason });
        let saved = self.op.client().definitions().migratable(source.uuid).await?;
        let running = self.op.client().definitions().current(source.uuid).await?;
        if !is_same(source, &running) {
            return Err(not(ForkObstacle::ChangedOtherwise));
        }
        let saved =
            plan.copy.saved_definition(&saved).map_err(|cause| super::super::not_clonable(source, cause))?;
        fork.forked_from(&saved).map_err(|cause| not(ForkObstacle::Changed { cause }))?;
        Ok(())
    }
}

fn obstacle(domain: &Domain, is_here: bool) -> Option<ForkObstacle> {
    let is_file = |path: &Option<String>| path.as_ref().is_some_and(|path| Path::new(path).is_file());
    let mut disks = domain.disks.iter().filter(|disk| disk.is_own());
    if !is_here {
        Some(ForkObstacle::RemoteHost)
    } else if !domain.folders.is_empty() {
        Some(ForkObstacle::Mounts)
    } else if domain.hardware().tpm {
        Some(ForkObstacle::Tpm)
    } else {
        let other = disks.find(|disk| {
            !matches!(disk.source, DiskSource::File { .. } | DiskSource::Volume { .. })
                || !is_file(&disk.path)
        });
        other.map(|disk| ForkObstacle::Disk { target: disk.target.clone() })
    }
}

/// Whether two definitions name the same files and addresses.
fn is_same(stored: &Domain, running: &Domain) -> bool {
    let disks = |domain: &Domain| -> Vec<(String, Option<String>)> {
        domain.disks.iter().map(|disk| (disk.target.clone(), disk.path.clone())).collect()
    };
    let macs = |domain: &Domain| -> Vec<String> {
        domain.interfaces.iter().map(|interface| interface.mac.clone()).collect()
    };
    disks(stored) == disks(running) && macs(stored) == macs(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(devices: &str) -> Domain {
        let document = format!("<domain type='kvm'><name>p</name><devices>{devices}</devices></domain>");
        Domain::parse(&document).expect("parses")
    }

    #[test]
    fn what_cannot_be_copied_as_it_runs_is_named() {
        let file = tempfile::NamedTempFile::new().expect("makes");
        let disk =
            format!("<disk type='file'><source file='{}'/><target dev='vda'/></disk>", file.path().display());
        assert!(obstacle(&domain(&disk), true).is_none());
        assert!(matches!(obstacle(&domain(&disk), false), Some(ForkObstacle::RemoteHost)));
        let block = "<disk type='block'><source dev='/dev/null'/><target dev='vdb'/></disk>";
        assert!(
            matches!(obstacle(&domain(block), true), Some(ForkObstacle::Disk { target }) if target == "vdb")
        );
        let tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>";
        assert!(matches!(obstacle(&domain(tpm), true), Some(ForkObstacle::Tpm)));
        let folder = "<filesystem type='mount'><source dir='/srv'/><target dir='t'/></filesystem>";
        assert!(matches!(obstacle(&domain(folder), true), Some(ForkObstacle::Mounts)));
        // What is only read need not be copied.
        let cdrom =
            "<disk type='block' device='cdrom'><source dev='/dev/sr0'/><target dev='sda'/><readonly/></disk>";
        assert!(obstacle(&domain(cdrom), true).is_none());
    }

    #[test]
    fn other_files_and_addresses_are_another_machine() {
        let of = |path: &str, mac: &str| {
            domain(&format!(
                "<disk type='file'><source file='{path}'/><target dev='vda'/></disk>
                 <interface type='network'><mac address='{mac}'/></interface>"
            ))
        };
        assert!(is_same(&of("/a", "m"), &of("/a", "m")));
        assert!(!is_same(&of("/a", "m"), &of("/b", "m")) && !is_same(&of("/a", "m"), &of("/a", "n")));
    }
}
