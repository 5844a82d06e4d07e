//! What goes with a VM, what stays, and why.

use crate::libvirt::{OwnedVolume, UndefineOptions};
use crate::manager::inventory::{DeletionSet, Dependent, Inventory};
use crate::manager::{Error, StorageError};
use crate::model::Uuid;

/// What a plan calls the state of a VM's TPM.
pub(super) const TPM: &str = "tpm";

/// How VMs are to be deleted.
#[derive(Debug, Clone, Default)]
pub struct DeleteRequest {
    /// Whether one that runs may be stopped.
    pub may_stop: bool,
    /// Whether their disks stay.
    pub keep_disks: bool,
    /// Whether disks go that vmtools did not make, as far as nobody else has anything of them.
    pub foreign_disks: bool,
    /// Whether one whose QEMU hangs is stopped before all else: until then it cannot be determined what is its own.
    pub ends_hanging: bool,
}

/// What deleting a VM takes away, and what it leaves.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeletePlan {
    /// The VM.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Whether it has to be stopped first.
    pub running: bool,
    /// The files that go.
    pub delete: Vec<String>,
    /// The files that stay: shared bases, ISOs, disks that vmtools didn't make.
    pub keep: Vec<String>,
    /// Its snapshots, which go.
    pub snapshots: Vec<String>,
    /// The files that go, with their sizes, and why they may.
    pub files: Vec<FileDeletion>,
    /// The files that stay, and why.
    pub kept: Vec<KeptFile>,
    /// What else of it libvirt keeps, which goes: `tpm`, `managed_save`, `checkpoints`.
    pub state: Vec<&'static str>,
    #[serde(skip)]
    pub(super) volumes: Vec<OwnedVolume>,
    /// The UUIDs of VMs that stand on its disks and go before it.
    #[serde(skip)]
    pub(in crate::manager) waits_for: Vec<Uuid>,
    #[serde(skip)]
    pub(in crate::manager) may_stop: bool,
    #[serde(skip)]
    pub(super) keeps_disks: bool,
    /// Those of the files that stay which lie below its disks.
    #[serde(skip)]
    pub(super) below: Vec<String>,
    /// The directory of its TPM's state, which libvirt removes with it.
    #[serde(skip)]
    pub(super) tpm_state: Option<String>,
    /// What libvirt is to leave where it forgets it.
    #[serde(skip)]
    pub(in crate::manager) undefine: UndefineOptions,
    /// The link that stands in place of its firmware's variables, and stays.
    #[serde(skip)]
    pub(super) nvram_link: Option<String>,
    /// The files that would go, but that another VM of the same command removes or keeps.
    #[serde(skip)]
    pub(super) left_to_others: Vec<String>,
    /// The files that stay, and are of no use without those that go.
    #[serde(skip)]
    pub(super) worthless: Vec<String>,
    /// The ports of 127.0.0.1 that get free with it.
    #[serde(skip)]
    pub(in crate::manager) ports: Vec<u16>,
}

/// A file that goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileDeletion {
    /// The file.
    pub path: String,
    /// What it takes on the disk; `None` where that cannot be determined, or it isn't there.
    pub size_bytes: Option<u64>,
    /// Why it may go.
    pub why: DeleteReason,
}

/// Why a file may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteReason {
    /// vmtools made it for this VM alone.
    Own,
    /// libvirt made it for this VM: the firmware's variables.
    Nvram,
    /// libvirt made it for a snapshot of this VM: its disk goes on there.
    Snapshot,
    /// vmtools didn't make it, but it was asked for.
    Foreign,
}

/// A file that stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeptFile {
    /// The file.
    pub path: String,
    /// Why it stays.
    pub why: KeepReason,
}

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepReason {
    /// A base image, which VMs share.
    Base,
    /// A disk of the VM that this one is a linked clone of.
    Parent,
    /// An ISO, or a floppy's image.
    Disc,
    /// A disk that VMs may share.
    Shared,
    /// A disk that its VM may only read.
    ReadOnly,
    /// Another VM or file needs it.
    Needed,
    /// vmtools didn't make it.
    Foreign,
    /// Its data is in no file or device of the host.
    Elsewhere,
    /// It lies in no storage pool, so libvirt can't remove it.
    NotInPool,
    /// Disks were asked to stay.
    Asked,
    /// Its serial or parallel ports, or its sound, were written to it.
    Output,
}

impl DeletePlan {
    /// The files that go though vmtools did not make them.
    pub fn foreign(&self) -> impl Iterator<Item = &str> {
        let foreign = self.files.iter().filter(|file| file.why == DeleteReason::Foreign);
        foreign.map(|file| file.path.as_str())
    }

    /// The files that are removed with these volumes.
    pub(super) fn removed<'a>(&'a self, volumes: &'a [OwnedVolume]) -> impl Iterator<Item = &'a str> + Clone {
        let nvram = self.files.iter().filter(|file| file.why == DeleteReason::Nvram);
        volumes.iter().map(|volume| volume.path.as_str()).chain(nvram.map(|file| file.path.as_str()))
    }

    /// The disks of the VM that stay.
    pub(super) fn staying_disks(&self) -> Vec<KeptFile> {
        let is_own = |file: &&KeptFile| file.why != KeepReason::Disc && !self.below.contains(&file.path);
        self.kept.iter().filter(is_own).cloned().collect()
    }

    /// The volumes that go, as things are now: those that have become its own since the plan was made go too.
    /// What is `gone` already needs nothing.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when what stays has come to need a file of it.
    pub(super) fn check_again(
        &self,
        inventory: &Inventory,
        gone: &DeletionSet,
    ) -> Result<Vec<OwnedVolume>, Error> {
        let mut volumes = self.volumes.clone();
        if let Some(domain) = inventory.definitions.stored(self.uuid).filter(|_| !self.keeps_disks) {
            let new = inventory.owned_by(domain).into_iter();
            let known = self.volumes.iter().map(|volume| &volume.path).chain(&self.left_to_others);
            let known: Vec<&String> = known.collect();
            volumes.extend(new.filter(|new| !known.contains(&&new.path)));
        }
        let mut deletion = gone.clone();
        deletion.vms.insert(self.uuid);
        let paths = volumes.iter().map(|volume| &volume.path).chain(self.files.iter().map(|file| &file.path));
        let paths = paths.chain(&self.worthless);
        deletion.files.extend(paths.map(|path| inventory.files.key(path)));
        let nvram = self.files.iter().filter(|file| file.why == DeleteReason::Nvram).map(|file| &file.path);
        let files = volumes.iter().map(|volume| &volume.path).chain(nvram).chain(&self.tpm_state);
        refuse_needed(inventory, files.map(String::as_str), self.uuid, &deletion)?;
        Ok(volumes)
    }
}

pub(super) fn refuse_needed<'a>(
    inventory: &Inventory,
    files: impl Iterator<Item = &'a str>,
    uuid: Uuid,
    deletion: &DeletionSet,
) -> Result<(), Error> {
    let refuse = |path: &str, needed_by: Vec<Dependent>| match needed_by.is_empty() {
        true => Ok(()),
        false => Err(StorageError::InUse { path: path.to_owned(), needed_by }.into()),
    };
    for path in files {
        refuse(path, inventory.needed_by(path, deletion))?;
    }
    let children = inventory.children_of(uuid, deletion);
    let domain = inventory.definitions.stored(uuid);
    let disk = domain.and_then(|domain| domain.disks.iter().find_map(|disk| disk.path.as_deref()));
    refuse(disk.unwrap_or(&uuid.to_string()), children)
}

#[cfg(test)]
impl DeletePlan {
    /// Of a VM that has nothing.
    pub(crate) fn of_nothing(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uuid: Uuid::nil(),
            running: false,
            delete: Vec::new(),
            keep: Vec::new(),
            snapshots: Vec::new(),
            files: Vec::new(),
            kept: Vec::new(),
            state: Vec::new(),
            volumes: Vec::new(),
            waits_for: Vec::new(),
            may_stop: false,
            keeps_disks: false,
            below: Vec::new(),
            tpm_state: None,
            undefine: UndefineOptions::default(),
            nvram_link: None,
            left_to_others: Vec::new(),
            worthless: Vec::new(),
            ports: Vec::new(),
        }
    }
}
