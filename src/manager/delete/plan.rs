//! What goes with a VM, what stays, and why.

use std::collections::HashSet;

use crate::libvirt::{Disk, DiskSource, Domain, KeptBeside, OwnedVolume, UndefineOptions};
use crate::manager::inventory::{DeletionSet, FileKey, Inventory, Needer};
use crate::manager::storage::base;
use crate::manager::{Error, StorageError};
use crate::model::Uuid;

/// What a plan calls the state of a VM's TPM.
const TPM: &str = "tpm";

/// How VMs are to be deleted.
#[derive(Debug, Clone, Default)]
pub struct DeleteRequest {
    /// Whether one that runs may be stopped.
    pub may_stop: bool,
    /// Whether their disks stay.
    pub keep_disks: bool,
    /// Whether disks go that vmtools did not make, as far as nobody else has anything of them.
    pub foreign_disks: bool,
    /// Whether one whose QEMU hangs is stopped before all else: until then it can't be told what is its own.
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
    volumes: Vec<OwnedVolume>,
    /// The UUIDs of VMs that stand on its disks and go before it.
    #[serde(skip)]
    pub(in crate::manager) waits_for: Vec<Uuid>,
    #[serde(skip)]
    pub(in crate::manager) may_stop: bool,
    #[serde(skip)]
    keeps_disks: bool,
    /// Those of the files that stay which lie below its disks.
    #[serde(skip)]
    below: Vec<String>,
    /// The folder of its TPM's state, which libvirt removes with it.
    #[serde(skip)]
    tpm_state: Option<String>,
    /// What libvirt is to leave where it forgets it.
    #[serde(skip)]
    pub(in crate::manager) undefine: UndefineOptions,
    /// The link that stands in place of its firmware's variables, and stays.
    #[serde(skip)]
    nvram_link: Option<String>,
    /// The files that would go, but that another VM of the same command removes or keeps.
    #[serde(skip)]
    left_to_others: Vec<String>,
    /// The files that stay, and are of no use without those that go.
    #[serde(skip)]
    worthless: Vec<String>,
    /// The ports of 127.0.0.1 that get free with it.
    #[serde(skip)]
    pub(in crate::manager) ports: Vec<u16>,
}

/// A file that goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileDeletion {
    /// The file.
    pub path: String,
    /// What it takes on the disk; `None` where that can't be told, or it isn't there.
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

/// A plan, but for what other plans of the same command mean for it.
pub(super) struct Draft {
    plan: DeletePlan,
}

impl Draft {
    pub(super) fn name(&self) -> &str {
        &self.plan.name
    }

    pub(super) fn uuid(&self) -> Uuid {
        self.plan.uuid
    }

    /// The files that go.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let volumes = self.plan.volumes.iter().map(|volume| volume.path.as_str());
        let files = self.plan.files.iter().map(|file| file.path.as_str());
        volumes.chain(files).chain(self.plan.worthless.iter().map(String::as_str))
    }

    /// The files that it removes, or has libvirt remove.
    pub(super) fn removes(&self) -> impl Iterator<Item = &str> {
        let volumes = self.plan.volumes.iter().map(|volume| volume.path.as_str());
        let files = self.plan.files.iter().map(|file| file.path.as_str());
        volumes.chain(files).chain(self.plan.tpm_state.as_deref())
    }

    /// Those of them that libvirt made.
    pub(super) fn made_by_libvirt(&self) -> impl Iterator<Item = &str> {
        let nvram = self.plan.files.iter().filter(|file| file.why == DeleteReason::Nvram);
        nvram.map(|file| file.path.as_str()).chain(self.plan.tpm_state.as_deref())
    }

    /// The disks that stay, and what is below them.
    pub(super) fn keeps(&self) -> impl Iterator<Item = &str> {
        let kept = self.plan.kept.iter().map(|file| &file.path);
        kept.filter(|path| self.plan.nvram_link.as_ref() != Some(path)).map(String::as_str)
    }

    /// Leaves a file to another VM of the same command.
    pub(super) fn leave(&mut self, inventory: &Inventory, key: &FileKey) {
        let is_it = |path: &str| inventory.files.key(path) == *key;
        let plan = &mut self.plan;
        for file in plan.files.iter().filter(|file| is_it(&file.path)) {
            plan.undefine.keep_nvram |= file.why == DeleteReason::Nvram;
            plan.left_to_others.push(file.path.clone());
        }
        plan.files.retain(|file| !is_it(&file.path));
        plan.volumes.retain(|volume| !is_it(&volume.path));
        if plan.tpm_state.as_deref().is_some_and(is_it) {
            plan.undefine.keep_tpm = true;
            plan.tpm_state = None;
            plan.state.retain(|state| *state != TPM);
        }
    }

    /// Nothing that stays needs the VM or a file that goes with it, but for those of others, which stay then.
    pub(super) fn check(&self, inventory: &Inventory, deletion: &DeletionSet) -> Result<(), Error> {
        let own = self.plan.files.iter().filter(|file| file.why != DeleteReason::Foreign);
        let own = own.map(|file| &file.path).chain(&self.plan.tpm_state);
        refuse_needed(inventory, own.map(String::as_str), self.plan.uuid, deletion)
    }

    /// The whole plan. Foreign files that something else needs stay.
    pub(super) fn finish(self, inventory: &Inventory, deletion: &DeletionSet) -> DeletePlan {
        let mut plan = self.plan;
        let needed: Vec<String> = plan
            .foreign()
            .filter(|path| !inventory.needed_by(path, deletion).is_empty())
            .map(str::to_owned)
            .collect();
        for path in needed {
            plan.volumes.retain(|volume| volume.path != path);
            plan.files.retain(|file| file.path != path);
            plan.kept.push(KeptFile { path, why: KeepReason::Needed });
        }
        let paths: Vec<&str> = plan.volumes.iter().map(|volume| volume.path.as_str()).collect();
        plan.waits_for = inventory.standing_on(plan.uuid, &paths, &deletion.vms);
        plan.delete = plan.files.iter().map(|file| file.path.clone()).collect();
        plan.keep = plan.kept.iter().map(|file| file.path.clone()).collect();
        plan
    }
}

fn refuse_needed<'a>(
    inventory: &Inventory,
    files: impl Iterator<Item = &'a str>,
    uuid: Uuid,
    deletion: &DeletionSet,
) -> Result<(), Error> {
    let refuse = |path: &str, needed_by: Vec<Needer>| match needed_by.is_empty() {
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

/// What goes and what stays by the VM's own definition. `snapshot_files` are the files that libvirt made for its
/// external snapshots.
pub(super) fn draft(
    inventory: &Inventory,
    domain: &Domain,
    running: bool,
    beside: KeptBeside,
    snapshot_files: &[String],
    request: &DeleteRequest,
) -> Draft {
    let mut plan = DeletePlan {
        name: domain.name.clone(),
        uuid: domain.uuid,
        running,
        delete: Vec::new(),
        keep: Vec::new(),
        snapshots: beside.snapshots,
        files: Vec::new(),
        kept: Vec::new(),
        state: Vec::new(),
        volumes: Vec::new(),
        waits_for: Vec::new(),
        may_stop: request.may_stop,
        keeps_disks: request.keep_disks,
        tpm_state: domain.tpm_state(),
        undefine: UndefineOptions::default(),
        nvram_link: None,
        left_to_others: Vec::new(),
        worthless: Vec::new(),
        below: Vec::new(),
        ports: Vec::new(),
    };
    let state = [
        (TPM, domain.hardware().tpm),
        ("managed_save", beside.managed_save),
        ("checkpoints", beside.checkpoints),
    ];
    plan.state = state.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    let published = domain.metadata.iter().filter(|_| running).flat_map(|record| &record.published);
    plan.ports = published.map(|port| port.host).collect();
    let mut draft = Drafting { inventory, domain, plan };
    draft.take_own(request);
    draft.take_snapshots(snapshot_files, request);
    draft.take_disks(request);
    draft.note_below();
    draft.take_nvram();
    draft.note_outputs();
    Draft { plan: draft.plan }
}

struct Drafting<'a> {
    inventory: &'a Inventory,
    domain: &'a Domain,
    plan: DeletePlan,
}

impl Drafting<'_> {
    fn take_own(&mut self, request: &DeleteRequest) {
        for volume in self.inventory.owned_by(self.domain) {
            // The seed and the log are of no use without the VM; its disks are.
            if request.keep_disks && holds_data(self.domain, &volume.path) {
                self.keep(&volume.path, KeepReason::Asked);
            } else {
                self.delete(&volume.path.clone(), DeleteReason::Own, Some(volume));
            }
        }
    }

    /// After an external snapshot the VM's disk is the snapshot's file, which stands on the one that was made for
    /// the VM: it is part of the VM.
    fn take_snapshots(&mut self, files: &[String], request: &DeleteRequest) {
        let own: HashSet<String> = self.inventory.owned_by(self.domain).into_iter().map(|o| o.path).collect();
        for path in files {
            let stands_on_own = self.inventory.below(path).iter().any(|below| own.contains(below));
            if !stands_on_own || self.is_settled(path) {
                continue;
            }
            match self.inventory.files.owned_volume(path) {
                _ if request.keep_disks => self.keep(path, KeepReason::Asked),
                Some(volume) => self.delete(path, DeleteReason::Snapshot, Some(volume)),
                None => {
                    self.keep(path, KeepReason::NotInPool);
                    self.plan.worthless.push(path.clone());
                }
            }
        }
    }

    fn take_disks(&mut self, request: &DeleteRequest) {
        for disk in &self.domain.disks {
            let Some(path) = disk.path.as_deref() else {
                if disk.source != DiskSource::Empty {
                    self.keep(&disk.source.to_string(), KeepReason::Elsewhere);
                }
                continue;
            };
            if self.is_settled(path) {
                continue;
            }
            match (self.why_it_stays(disk, path, request), self.inventory.files.owned_volume(path)) {
                (None, Some(volume)) => self.delete(path, DeleteReason::Foreign, Some(volume)),
                (why, _) => self.keep(path, why.unwrap_or(KeepReason::NotInPool)),
            }
        }
    }

    /// What lies below the disks is never the VM's own.
    fn note_below(&mut self) {
        let tops = self.domain.disks.iter().filter_map(|disk| disk.path.as_deref());
        for below in tops.flat_map(|top| self.inventory.below(top)).collect::<Vec<_>>() {
            if !self.is_settled(&below) {
                let why = self.why_a_base_stays(&below);
                self.keep(&below, why);
                self.plan.below.push(below);
            }
        }
    }

    fn take_nvram(&mut self) {
        let Some(nvram) = self.domain.nvram() else { return };
        if self.plan.kept.iter().any(|file| file.path == nvram) {
            self.plan.undefine.keep_nvram = true;
        } else if self.inventory.files.is_link(&nvram) {
            // libvirt makes a file. It would remove the link, and say nothing of what that leads to.
            self.plan.undefine.keep_nvram = true;
            self.keep(&nvram, KeepReason::Foreign);
            self.plan.nvram_link = Some(nvram);
        } else if !self.is_settled(&nvram) {
            self.delete(&nvram, DeleteReason::Nvram, None);
        }
    }

    /// libvirt forgets them, and it has no command that removes a file in no pool.
    fn note_outputs(&mut self) {
        for file in self.domain.output_files() {
            if !self.is_settled(&file) && self.inventory.files.is_there(&file) {
                self.keep(&file, KeepReason::Output);
            }
        }
    }

    fn is_settled(&self, path: &str) -> bool {
        let plan = &self.plan;
        plan.files.iter().any(|file| file.path == path) || plan.kept.iter().any(|file| file.path == path)
    }

    fn delete(&mut self, path: &str, why: DeleteReason, volume: Option<OwnedVolume>) {
        let size_bytes = self.inventory.files.volume(path).map(|file| file.allocation_bytes);
        self.plan.files.push(FileDeletion { path: path.to_owned(), size_bytes, why });
        self.plan.volumes.extend(volume);
    }

    fn keep(&mut self, path: &str, why: KeepReason) {
        self.plan.kept.push(KeptFile { path: path.to_owned(), why });
    }

    /// Why a disk that isn't the VM's own stays; `None` when it may go.
    fn why_it_stays(&self, disk: &Disk, path: &str, request: &DeleteRequest) -> Option<KeepReason> {
        if matches!(disk.device.as_str(), "cdrom" | "floppy") {
            return Some(KeepReason::Disc);
        }
        if self.is_base(path) {
            return Some(KeepReason::Base);
        }
        match (disk.shareable, disk.read_only) {
            (true, _) => Some(KeepReason::Shared),
            (_, true) => Some(KeepReason::ReadOnly),
            _ => (!request.foreign_disks).then_some(KeepReason::Foreign),
        }
    }

    fn why_a_base_stays(&self, path: &str) -> KeepReason {
        let is_linked = || self.domain.metadata.as_ref().is_some_and(|record| record.parent.is_some());
        match self.is_base(path) {
            true => KeepReason::Base,
            false if is_linked() => KeepReason::Parent,
            false => KeepReason::Foreign,
        }
    }

    fn is_base(&self, path: &str) -> bool {
        self.inventory.files.volume(path).is_some_and(|file| base::is_base(&file.name))
    }
}

/// Whether the path is a disk that holds the guest's own data, neither the seed nor the log.
fn holds_data(domain: &Domain, path: &str) -> bool {
    let is_it = |disk: &&Disk| disk.path.as_deref() == Some(path);
    // The seed is the one that the guest only reads.
    domain.disks.iter().find(is_it).is_some_and(|disk| !disk.read_only && disk.device == "disk")
}
