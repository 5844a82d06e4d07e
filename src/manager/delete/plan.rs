//! What goes with a VM, what stays, and why.

use crate::libvirt::{Disk, Domain, KeptBeside, OwnedVolume};
use crate::manager::Error;
use crate::manager::inventory::{Doomed, Inventory};
use crate::manager::storage::base;

/// How VMs are to be deleted.
#[derive(Debug, Clone, Default)]
pub struct DeleteRequest {
    /// Whether one that runs may be stopped.
    pub may_stop: bool,
    /// Whether their disks stay.
    pub keep_disks: bool,
    /// Whether disks go that vmtools did not make, as far as nobody else has anything of them.
    pub foreign_disks: bool,
}

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
    /// The files that go, with their sizes, and why they may.
    pub files: Vec<GoingFile>,
    /// The files that stay, and why.
    pub kept: Vec<KeptFile>,
    /// What else of it libvirt keeps, which goes: `tpm`, `managed_save`, `checkpoints`.
    pub state: Vec<&'static str>,
    #[serde(skip)]
    pub(in crate::manager) volumes: Vec<OwnedVolume>,
    /// The UUIDs of VMs that stand on its disks and go before it.
    #[serde(skip)]
    pub(in crate::manager) waits_for: Vec<String>,
    #[serde(skip)]
    pub(in crate::manager) may_stop: bool,
    /// The ports of 127.0.0.1 that get free with it.
    #[serde(skip)]
    pub(in crate::manager) ports: Vec<u16>,
}

/// A file that goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GoingFile {
    /// The file.
    pub path: String,
    /// What it takes on the disk; `None` where that can't be told, or it isn't there.
    pub size_bytes: Option<u64>,
    /// Why it may go.
    pub why: Going,
}

/// Why a file may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Going {
    /// vmtools made it for this VM alone.
    Own,
    /// libvirt made it for this VM: the firmware's variables.
    Nvram,
    /// vmtools didn't make it, but it was asked for.
    Foreign,
}

/// A file that stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeptFile {
    /// The file.
    pub path: String,
    /// Why it stays.
    pub why: Staying,
}

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Staying {
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
    /// It lies in no storage pool, so libvirt can't remove it.
    NotInPool,
    /// Disks were asked to stay.
    Asked,
}

impl DeletePlan {
    /// The files that go though vmtools did not make them.
    pub fn foreign(&self) -> impl Iterator<Item = &str> {
        let foreign = self.files.iter().filter(|file| file.why == Going::Foreign);
        foreign.map(|file| file.path.as_str())
    }

    /// Whether, by a later inventory, what stays has come to need a file of it.
    pub(in crate::manager) fn check_again(&self, inventory: &Inventory) -> Result<(), Error> {
        let files = self.volumes.iter().map(|volume| volume.path.clone()).collect();
        refuse_needed(
            inventory,
            &self.volumes,
            &self.uuid,
            &Doomed { vms: [self.uuid.clone()].into(), files },
        )
    }
}

/// A plan, but for what other plans of the same command mean for it.
pub(in crate::manager) struct Settled {
    plan: DeletePlan,
}

impl Settled {
    pub(in crate::manager) fn name(&self) -> &str {
        &self.plan.name
    }

    pub(in crate::manager) fn uuid(&self) -> &str {
        &self.plan.uuid
    }

    pub(in crate::manager) fn paths(&self) -> impl Iterator<Item = &str> {
        self.plan.volumes.iter().map(|volume| volume.path.as_str())
    }

    /// Nothing that stays needs one of its own files.
    pub(in crate::manager) fn check(&self, inventory: &Inventory, doomed: &Doomed) -> Result<(), Error> {
        let plan = &self.plan;
        let foreign = |volume: &&OwnedVolume| plan.foreign().any(|path| path == volume.path);
        let own: Vec<OwnedVolume> = plan.volumes.iter().filter(|volume| !foreign(volume)).cloned().collect();
        refuse_needed(inventory, &own, &plan.uuid, doomed)
    }

    /// The whole plan. Foreign files that something else needs stay.
    pub(in crate::manager) fn finish(self, inventory: &Inventory, doomed: &Doomed) -> DeletePlan {
        let mut plan = self.plan;
        let needed: Vec<String> = plan
            .foreign()
            .filter(|path| !inventory.needed_by(path, doomed).is_empty())
            .map(str::to_owned)
            .collect();
        for path in needed {
            plan.volumes.retain(|volume| volume.path != path);
            plan.files.retain(|file| file.path != path);
            plan.kept.push(KeptFile { path, why: Staying::Needed });
        }
        let paths: Vec<&str> = plan.volumes.iter().map(|volume| volume.path.as_str()).collect();
        plan.waits_for = inventory.standing_on(&plan.uuid, &paths, &doomed.vms);
        plan.delete = plan.files.iter().map(|file| file.path.clone()).collect();
        plan.keep = plan.kept.iter().map(|file| file.path.clone()).collect();
        plan
    }
}

fn refuse_needed(
    inventory: &Inventory,
    volumes: &[OwnedVolume],
    uuid: &str,
    doomed: &Doomed,
) -> Result<(), Error> {
    let in_use = |path: &str, by: Vec<String>| match by.is_empty() {
        true => Ok(()),
        false => Err(Error::InUse { path: path.to_owned(), needed_by: by.join(", ") }),
    };
    for volume in volumes {
        in_use(&volume.path, inventory.needed_by(&volume.path, doomed))?;
    }
    match volumes.first() {
        Some(volume) => in_use(&volume.path, inventory.children_of(uuid, doomed)),
        None => Ok(()),
    }
}

/// What goes and what stays by the VM's own definition.
pub(in crate::manager) fn settle(
    inventory: &Inventory,
    domain: &Domain,
    running: bool,
    beside: KeptBeside,
    request: &DeleteRequest,
) -> Settled {
    let record = domain.metadata.as_ref();
    let size = |path: &str| inventory.file(path).map(|file| file.allocation_bytes);
    let mut volumes = inventory.owned_by(domain);
    let own: Vec<String> = volumes.iter().map(|volume| volume.path.clone()).collect();
    if request.keep_disks {
        // The seed and the log are of no use without the VM; its disks are.
        volumes.retain(|volume| !holds_data(domain, &volume.path));
    }
    let going =
        |why: Going| move |path: &str| GoingFile { path: path.to_owned(), size_bytes: size(path), why };
    let mut files: Vec<GoingFile> = volumes.iter().map(|volume| going(Going::Own)(&volume.path)).collect();
    let mut kept = Vec::new();
    for disk in &domain.disks {
        let Some(path) = disk.path.as_deref().filter(|path| files.iter().all(|file| file.path != **path))
        else {
            continue;
        };
        match (why_it_stays(inventory, &own, disk, path, request), inventory.volume(path)) {
            (None, Some(volume)) => {
                files.push(going(Going::Foreign)(path));
                volumes.push(volume);
            }
            (why, _) => {
                let why = why.unwrap_or(Staying::NotInPool);
                kept.push(KeptFile { path: path.to_owned(), why });
            }
        }
    }
    let tops: Vec<&str> = domain.disks.iter().filter_map(|disk| disk.path.as_deref()).collect();
    for below in tops.iter().flat_map(|top| inventory.below(top)) {
        if files.iter().all(|file| file.path != below) && kept.iter().all(|file| file.path != below) {
            kept.push(KeptFile { path: below.to_owned(), why: why_a_base_stays(inventory, domain, below) });
        }
    }
    if let Some(nvram) = domain.nvram().filter(|path| files.iter().all(|file| file.path != *path)) {
        files.push(going(Going::Nvram)(&nvram));
    }
    let state = [
        ("tpm", domain.hardware().tpm),
        ("managed_save", beside.managed_save),
        ("checkpoints", beside.checkpoints),
    ];
    let published = record.into_iter().filter(|_| running).flat_map(|record| &record.published);
    Settled {
        plan: DeletePlan {
            name: domain.name.clone(),
            uuid: domain.uuid.clone(),
            running,
            delete: Vec::new(),
            keep: Vec::new(),
            snapshots: beside.snapshots,
            files,
            kept,
            state: state.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect(),
            volumes,
            waits_for: Vec::new(),
            may_stop: request.may_stop,
            ports: published.map(|port| port.host).collect(),
        },
    }
}

/// Why a disk that isn't the VM's own, or is asked to stay, does so; `None` when it may go.
fn why_it_stays(
    inventory: &Inventory,
    own: &[String],
    disk: &Disk,
    path: &str,
    request: &DeleteRequest,
) -> Option<Staying> {
    if own.iter().any(|own| own == path) {
        return Some(Staying::Asked);
    }
    if matches!(disk.device.as_str(), "cdrom" | "floppy") {
        return Some(Staying::Disc);
    }
    if is_base(inventory, path) {
        return Some(Staying::Base);
    }
    match (disk.shareable, disk.read_only) {
        (true, _) => Some(Staying::Shared),
        (_, true) => Some(Staying::ReadOnly),
        _ => (!request.foreign_disks).then_some(Staying::Foreign),
    }
}

fn why_a_base_stays(inventory: &Inventory, domain: &Domain, path: &str) -> Staying {
    let is_linked = || domain.metadata.as_ref().is_some_and(|record| record.parent.is_some());
    match is_base(inventory, path) {
        true => Staying::Base,
        false if is_linked() => Staying::Parent,
        false => Staying::Foreign,
    }
}

fn is_base(inventory: &Inventory, path: &str) -> bool {
    inventory.file(path).is_some_and(|file| file.name.starts_with(base::PREFIX))
}

/// Whether the path is a disk that holds the guest's own data, neither the seed nor the log.
fn holds_data(domain: &Domain, path: &str) -> bool {
    let is_it = |disk: &&Disk| disk.path.as_deref() == Some(path);
    // The seed is the one that the guest only reads.
    domain.disks.iter().find(is_it).is_some_and(|disk| !disk.read_only && disk.device == "disk")
}
