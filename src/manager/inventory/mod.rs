//! What exists on the host and who needs what, as of one moment: asked before anything is removed, or written
//! to, under a claim on that ([`super::claim`]).
//!
//! [`VmDefinitions`] are all VMs; an [`Inventory`] has the files of the storage pools and of VMs' disks too.

mod definitions;
mod files;

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

pub(in crate::manager) use definitions::{VmDefinitions, is_child, is_on};
pub(in crate::manager) use files::{FileKey, Files};

use crate::host;
use crate::libvirt::{Disk, Domain, DomainId, OwnedVolume, Volume};
use crate::manager::Error;
use crate::manager::operation::Operation;
use crate::manager::storage::{file_mark, is_rotated_log};
use crate::model::Uuid;

/// How long a pool in which something is being made is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// All VMs, and the files of the pools and of VMs' disks, as they were at one moment.
pub(in crate::manager) struct Inventory {
    pub(in crate::manager) definitions: VmDefinitions,
    pub(in crate::manager) files: Files,
}

/// What is about to be removed.
#[derive(Debug, Default, Clone)]
pub(in crate::manager) struct DeletionSet {
    /// The UUIDs of the VMs.
    pub(in crate::manager) vms: HashSet<Uuid>,
    /// The files.
    pub(in crate::manager) files: HashSet<FileKey>,
}

/// Who needs a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependent {
    /// A VM, by name.
    Vm(String),
    /// A file that belongs to no VM, by path.
    File(String),
    /// A VM, by name, of which a disk can't be read, so that it may stand on the file.
    Unknown(String),
    /// VMs that will be made of it: it is a base image.
    NewVms,
}

impl Dependent {
    /// The VM's name, or the file's path.
    pub fn name(&self) -> &str {
        match self {
            Self::Vm(name) | Self::File(name) | Self::Unknown(name) => name,
            Self::NewVms => "new VMs",
        }
    }
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(name) => write!(f, "the VM {name}"),
            Self::File(path) => f.write_str(path),
            Self::Unknown(name) => write!(f, "the VM {name} (possibly: this user cannot read its disk)"),
            Self::NewVms => f.write_str("new VMs (it is a base image)"),
        }
    }
}

impl Inventory {
    /// Reads all VMs and, with libvirt's own look at them made anew, all active pools.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub(in crate::manager) async fn load(op: Operation<'_>) -> Result<Self, Error> {
        let definitions = VmDefinitions::load(op).await?;
        let volumes = volumes_of_pools(op).await?;
        let files = Files::new(volumes, definitions.all(), op.locality().is_here());
        Ok(Self { definitions, files })
    }

    /// As [`Inventory::load`], without the pools: what stands on what, as far as the VMs' disks show.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub(in crate::manager) async fn of_disks(op: Operation<'_>) -> Result<Self, Error> {
        let definitions = VmDefinitions::load(op).await?;
        let files = Files::new(Vec::new(), definitions.all(), op.locality().is_here());
        Ok(Self { definitions, files })
    }

    /// The VMs that stand on what this one writes, by vmtools' record or by their disks' chains, by name.
    pub(in crate::manager) fn children_of_any_kind(&self, uuid: Uuid) -> Vec<String> {
        let mut children = self.definitions.children_of(uuid);
        let Some(parent) = self.definitions.stored(uuid) else { return children };
        let written =
            parent.disks.iter().filter(|disk| disk.is_own()).filter_map(|disk| disk.path.as_deref());
        let written: Vec<FileKey> = written.map(|path| self.files.key(path)).collect();
        let stands = |domain: &&Domain| {
            let tops = domain.disks.iter().filter_map(|disk| disk.path.as_deref());
            let mut below = tops.flat_map(|path| self.files.below(&self.files.key(path)).0);
            domain.uuid != uuid && below.any(|file| written.contains(&file))
        };
        children.extend(self.definitions.all().filter(stands).map(|domain| domain.name.clone()));
        children.sort();
        children.dedup();
        children
    }

    /// The volumes that are the VM's own, with the older pieces of its serial log. A program that copies VMs
    /// copies vmtools' record of them, too: what bears the UUID of another VM that has it in its record is
    /// that one's. So is what the pool says is another file than the record does.
    pub(in crate::manager) fn owned_by(&self, domain: &Domain) -> Vec<OwnedVolume> {
        let mut owned: Vec<OwnedVolume> = domain.owned_volumes().cloned().collect();
        owned.retain(|volume| {
            let in_pool =
                self.files.volumes().find(|(pool, file)| *pool == volume.pool && file.name == volume.volume);
            in_pool.is_none_or(|(_, file)| file.path == volume.path)
        });
        owned.retain(|volume| {
            !self.definitions.all_stored().iter().any(|other| {
                other.uuid != domain.uuid
                    && other.owns(&volume.path)
                    && volume.volume.contains(&file_mark(other.uuid))
            })
        });
        let is_log_piece = |pool: &str, name: &str| {
            owned.iter().any(|log| log.pool == pool && is_rotated_log(name, &log.volume))
        };
        let of_logs = self.files.volumes().filter(|(pool, file)| is_log_piece(pool, &file.name));
        let mut rotated_logs: Vec<OwnedVolume> = of_logs
            .map(|(pool, file)| OwnedVolume {
                pool: pool.to_owned(),
                volume: file.name.clone(),
                path: file.path.clone(),
            })
            .collect();
        rotated_logs.sort_by(|one, other| one.path.cmp(&other.path));
        owned.extend(rotated_logs);
        owned
    }

    /// The paths below a disk, the nearest first, as far as they are known.
    pub(in crate::manager) fn below(&self, path: &str) -> Vec<String> {
        let (below, _) = self.files.below(&self.files.key(path));
        below.iter().map(|key| self.files.path(key)).collect()
    }

    /// How many files stand below the VM's disks, at most.
    pub(in crate::manager) fn depth(&self, uuid: Uuid) -> usize {
        let disks = self.definitions.stored(uuid).into_iter().flat_map(|domain| &domain.disks);
        let depth = |path: &String| self.files.below(&self.files.key(path)).0.len();
        disks.filter_map(|disk| disk.path.as_ref()).map(depth).max().unwrap_or(0)
    }

    /// Those among `vms` that stand on one of the files, or are linked clones of the VM.
    pub(in crate::manager) fn standing_on(
        &self,
        uuid: Uuid,
        files: &[&str],
        vms: &HashSet<Uuid>,
    ) -> Vec<Uuid> {
        let keys: Vec<FileKey> = files.iter().map(|path| self.files.key(path)).collect();
        let needs = |domain: &&Domain| {
            domain.uuid != uuid
                && vms.contains(&domain.uuid)
                && (is_child(domain, uuid) || keys.iter().any(|key| self.uses(domain, key)))
        };
        let mut uuids: Vec<Uuid> = self.definitions.all().filter(needs).map(|domain| domain.uuid).collect();
        uuids.sort();
        uuids.dedup();
        uuids
    }

    /// Who needs the file and isn't going with it.
    pub(in crate::manager) fn needed_by(&self, path: &str, deletion: &DeletionSet) -> Vec<Dependent> {
        let key = self.files.key(path);
        let stays = |domain: &&Domain| !deletion.vms.contains(&domain.uuid);
        let users: Vec<&Domain> =
            self.definitions.all().filter(stays).filter(|domain| self.uses(domain, &key)).collect();
        let of_users: HashSet<FileKey> = users.iter().flat_map(|user| self.files_of(user)).collect();
        let others = self.files.standing_on(&key);
        let others = others.filter(|file| !deletion.files.contains(file) && !of_users.contains(file));
        let hidden = self.definitions.hidden().iter().filter(|id| names_file(id, path));
        let may_stand = self.definitions.all().filter(stays).filter(|domain| self.may_stand_on(domain, path));
        let mut needed_by: Vec<Dependent> = users
            .iter()
            .map(|user| Dependent::Vm(user.name.clone()))
            .chain(others.map(|file| Dependent::File(self.files.path(file))))
            .chain(hidden.map(|id| Dependent::Vm(id.name.clone())))
            .chain(may_stand.map(|domain| Dependent::Unknown(domain.name.clone())))
            .collect();
        needed_by.sort();
        needed_by.dedup();
        needed_by
    }

    /// The VMs that record this one as their parent and are not going with it.
    pub(in crate::manager) fn children_of(&self, uuid: Uuid, deletion: &DeletionSet) -> Vec<Dependent> {
        let children = self.definitions.all_stored().iter().filter(|domain| is_child(domain, uuid));
        let staying = children.filter(|domain| !deletion.vms.contains(&domain.uuid));
        staying.map(|domain| Dependent::Vm(domain.name.clone())).collect()
    }

    /// All files that the VM needs by its definitions.
    pub(in crate::manager) fn used_by(&self, uuid: Uuid) -> HashSet<FileKey> {
        let of_it = self.definitions.all().filter(|domain| domain.uuid == uuid);
        of_it.flat_map(|domain| self.files_of(domain)).collect()
    }

    /// Whether a VM that runs has the file, or one that stands on it.
    pub(in crate::manager) fn is_used_by_running(&self, path: &str) -> bool {
        let key = self.files.key(path);
        self.definitions.running().iter().any(|domain| self.uses(domain, &key))
    }

    /// Whether a disk or another device of the VM is the file, or stands on it.
    pub(in crate::manager) fn uses(&self, domain: &Domain, key: &FileKey) -> bool {
        self.files_of(domain).any(|file| file == *key)
    }

    /// Whether a disk of the VM, which lies on this host, can't be read by this user and not be known by libvirt's
    /// pools, so that it may stand on a file that this user can't tell. Only an image that has no base below its
    /// own, by its form, does not.
    fn may_stand_on(&self, domain: &Domain, path: &str) -> bool {
        let is_other = |disk: &&Disk| disk.path.as_deref().is_some_and(|written| written != path);
        let can_stand = |disk: &&Disk| disk.format.as_deref().is_some_and(|format| format != "raw");
        let disks = domain.disks.iter().filter(|disk| disk.is_own()).filter(is_other).filter(can_stand);
        let mut paths = disks.filter_map(|disk| disk.path.as_deref());
        paths.any(|path| self.files.is_denied(path))
    }

    /// The files of the VM's disks, those below them, and what else it names: firmware variables, logs.
    fn files_of<'a>(&'a self, domain: &'a Domain) -> impl Iterator<Item = FileKey> + 'a {
        let tops = domain.disks.iter().flat_map(|disk| disk.path.iter().chain(&disk.backing));
        let tops = tops.map(|path| self.files.key(path));
        let chains = tops.flat_map(|top| {
            let below = self.files.below(&top).0;
            std::iter::once(top).chain(below)
        });
        chains.chain(other_files(domain).into_iter().map(|path| self.files.key(&path)))
    }
}

/// The files that a VM names beside its disks.
fn other_files(domain: &Domain) -> Vec<String> {
    let tree = &domain.tree;
    let of_os = ["os/kernel", "os/initrd", "os/dtb"].into_iter().filter_map(|path| tree.find_text(path));
    let entries = tree.all("sysinfo").flat_map(|info| info.all("entry"));
    let of_firmware = entries.filter_map(|entry| entry.attribute("file").map(str::to_owned));
    let devices = || tree.find("devices").into_iter();
    let memory = devices().flat_map(|devices| devices.all("memory"));
    let of_memory = memory.filter_map(|memory| memory.find_text("source/path"));
    let stores = devices().flat_map(|devices| devices.all("disk"));
    let of_stores =
        stores.filter_map(|disk| disk.find_attribute("source/dataStore/source", "file").map(str::to_owned));
    let logs = devices().flat_map(|devices| devices.elements());
    let of_logs = logs.filter_map(|device| device.find_attribute("log", "file").map(str::to_owned));
    domain
        .nvram()
        .into_iter()
        .chain(domain.tpm_state())
        .chain(of_os)
        .chain(of_firmware)
        .chain(of_memory)
        .chain(of_stores)
        .chain(of_logs)
        .collect()
}

/// Whether the process of a VM that hangs names the file on its command line, where it is this host's.
fn names_file(id: &DomainId, path: &str) -> bool {
    host::qemu_names_file(id.uuid, path).unwrap_or(false)
}

/// The files of all active pools, each with its pool's name. libvirt looks anew: others may have put something
/// there since it last did.
async fn volumes_of_pools(op: Operation<'_>) -> Result<Vec<(String, Volume)>, Error> {
    let mut files = Vec::new();
    for pool in op.client().pools().active().await? {
        op.retry(PATIENCE).while_busy(async || op.client().pools().refresh(&pool).await).await?;
        match op.client().volumes().list(&pool).await {
            Ok(found) => files.extend(found.into_iter().map(|file| (pool.clone(), file))),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

#[cfg(test)]
pub(in crate::manager) mod testing;
#[cfg(test)]
mod tests;
