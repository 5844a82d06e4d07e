//! A plan as it is drawn up: what goes and what stays of one VM, and what the others of the command mean for it.

use std::collections::HashSet;

use super::plan::{
    DeletePlan, DeleteReason, DeleteRequest, FileDeletion, KeepReason, KeptFile, TPM, refuse_needed,
};
use crate::libvirt::{Disk, DiskSource, Domain, OwnedVolume, RelatedState, UndefineOptions};
use crate::manager::Error;
use crate::manager::inventory::{DeletionSet, FileKey, Inventory};
use crate::manager::storage::base;
use crate::model::Uuid;

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
    pub(super) fn removes(&self) -> impl Iterator<Item = &str> + Clone {
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
        let is_that_file = |path: &str| inventory.files.key(path) == *key;
        let plan = &mut self.plan;
        for file in plan.files.iter().filter(|file| is_that_file(&file.path)) {
            plan.undefine.keep_nvram |= file.why == DeleteReason::Nvram;
            plan.left_to_others.push(file.path.clone());
        }
        plan.files.retain(|file| !is_that_file(&file.path));
        plan.volumes.retain(|volume| !is_that_file(&volume.path));
        if plan.tpm_state.as_deref().is_some_and(is_that_file) {
            plan.undefine.keep_tpm = true;
            plan.tpm_state = None;
            plan.state.retain(|state| *state != TPM);
        }
    }

    /// Nothing that stays needs the VM or a file that goes with it, but for those of others, which stay then.
    pub(super) fn check(&self, inventory: &Inventory, deletion: &DeletionSet) -> Result<(), Error> {
        let files = self.plan.files.iter().filter(|file| file.why != DeleteReason::Foreign);
        let files = files.map(|file| &file.path).chain(&self.plan.tpm_state);
        refuse_needed(inventory, files.map(String::as_str), self.plan.uuid, deletion)
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

/// What goes and what stays by the VM's own definition. `snapshot_files` are the files that libvirt made for its
/// external snapshots.
pub(super) fn draft(
    inventory: &Inventory,
    domain: &Domain,
    running: bool,
    beside: RelatedState,
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
        let owned: HashSet<String> =
            self.inventory.owned_by(self.domain).into_iter().map(|o| o.path).collect();
        for path in files {
            let stands_on_owned = self.inventory.below(path).iter().any(|below| owned.contains(below));
            if !stands_on_owned || self.is_settled(path) {
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
    let has_path = |disk: &&Disk| disk.path.as_deref() == Some(path);
    // The seed is the one that the guest only reads.
    domain.disks.iter().find(has_path).is_some_and(|disk| !disk.read_only && disk.device == "disk")
}
