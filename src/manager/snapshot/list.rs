//! Snapshots as they are shown.

use serde::Serialize;

use super::images::DiskTable;
use super::{Snapshots, not_found};
use crate::libvirt::{DomainId, Snapshot, SnapshotDiskKind, SnapshotKind, SnapshotState};
use crate::manager::Error;
use crate::model::Timestamp;

/// A snapshot of a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotStatus {
    /// The VM.
    pub vm: String,
    /// Its name.
    pub name: String,
    /// What was said of it.
    pub description: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// What the VM was doing: `shutoff`, `running`, `paused`; `disk_only` when it ran and only its disks were kept; else
    /// `unknown`.
    pub state: &'static str,
    /// Where it is: `internal` (in the disks' own files), `external` (as files that the disks stand on), `mixed`, or `none`.
    pub kind: &'static str,
    /// Whether it has the memory.
    pub memory: bool,
    /// How large the memory is in the disk, in bytes; `None` without memory, and where the disk can't be read.
    pub memory_bytes: Option<u64>,
    /// The snapshot before it.
    pub parent: Option<String>,
    /// Whether what the VM is now began with it.
    pub current: bool,
    /// The disks that it keeps, by their devices.
    pub disks: Vec<String>,
    /// Disks that should have it and don't: it can't be reverted to.
    pub missing_in: Vec<String>,
    /// The files that libvirt made for it, where it is external.
    pub files: Vec<String>,
    /// When `gc` may delete it.
    pub expires: Option<Timestamp>,
    /// Whether it is kept: it does not expire, and is deleted by force alone.
    pub pinned: bool,
    /// Whether the guest's file systems were frozen; `None` where there was nothing to freeze, or nobody knows.
    pub frozen: Option<bool>,
    /// How long the guest was held, in milliseconds.
    pub held_ms: Option<u64>,
    /// Whether vmtools made it.
    pub managed: bool,
    /// Whether libvirt knows of it. Of one that is in the disks alone little is known.
    pub recorded: bool,
    /// Whether the command that was making it was killed, or is still at it.
    pub unfinished: bool,
}

impl Snapshots<'_> {
    /// The VM's snapshots, each after its parent; at last those that only its disks know of.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn list(&self, vm: &str) -> Result<Vec<SnapshotStatus>, Error> {
        let id = self.op.client().domains().resolve(vm).await?;
        let snapshots = self.op.client().snapshots().list(id.uuid).await?;
        self.statuses(&id, &snapshots).await
    }

    /// The VM's snapshot of that name.
    ///
    /// # Errors
    /// [`SnapshotError::NotFound`](super::SnapshotError::NotFound); as [`Snapshots::list`].
    pub async fn show(&self, vm: &str, name: &str) -> Result<SnapshotStatus, Error> {
        let mut all = self.list(vm).await?;
        match all.iter().position(|snapshot| snapshot.name == name) {
            Some(at) => Ok(all.swap_remove(at)),
            None => {
                let id = self.op.client().domains().resolve(vm).await?;
                Err(not_found(&id.name, name, all.iter().map(|snapshot| snapshot.name.as_str())).into())
            }
        }
    }

    pub(super) async fn statuses(
        &self,
        id: &DomainId,
        snapshots: &[Snapshot],
    ) -> Result<Vec<SnapshotStatus>, Error> {
        let domain = self.op.client().definitions().current(id.uuid).await?;
        let tables = self.tables(&domain).await?;
        let mut statuses: Vec<SnapshotStatus> =
            snapshots.iter().map(|snapshot| SnapshotStatus::of(&id.name, snapshot, &tables)).collect();
        for name in unrecorded(snapshots, &tables) {
            statuses.push(SnapshotStatus::unrecorded(&id.name, &name, &tables));
        }
        Ok(statuses)
    }
}

impl SnapshotStatus {
    /// The snapshot as messages call it, which tells those of several VMs apart: `clean of web`.
    pub fn name_of_vm(&self) -> String {
        format!("{} of {}", self.name, self.vm)
    }

    fn of(vm: &str, snapshot: &Snapshot, tables: &[DiskTable]) -> Self {
        let is_kept = |kind: &SnapshotDiskKind| *kind != SnapshotDiskKind::No;
        let disks = snapshot.disks.iter().filter(|disk| is_kept(&disk.kind));
        let is_missing = |target: &str| {
            let table = tables.iter().find(|table| table.target == target);
            table.and_then(|table| table.has(&snapshot.name)) == Some(false)
        };
        let internal = snapshot.disks.iter().filter(|disk| disk.kind == SnapshotDiskKind::Internal);
        let record = snapshot.record.clone().unwrap_or_default();
        Self {
            vm: vm.to_owned(),
            name: snapshot.name.clone(),
            description: snapshot.description.clone(),
            created: snapshot.created,
            state: state_name(snapshot),
            kind: kind_name(snapshot.kind),
            memory: snapshot.has_memory,
            memory_bytes: memory_bytes(&snapshot.name, tables).filter(|_| snapshot.has_memory),
            parent: snapshot.parent.clone(),
            current: snapshot.is_current,
            disks: disks.map(|disk| disk.target.clone()).collect(),
            missing_in: internal
                .map(|disk| disk.target.clone())
                .filter(|target| is_missing(target))
                .collect(),
            files: snapshot.files(),
            expires: record.expires,
            pinned: record.pinned,
            frozen: record.frozen,
            held_ms: record.held_ms,
            managed: snapshot.record.is_some(),
            recorded: true,
            unfinished: snapshot.maker().is_some(),
        }
    }

    /// One that libvirt does not know of.
    fn unrecorded(vm: &str, name: &str, tables: &[DiskTable]) -> Self {
        let has = |table: &&DiskTable| table.has(name) == Some(true);
        let memory_bytes = memory_bytes(name, tables).filter(|bytes| *bytes > 0);
        Self {
            vm: vm.to_owned(),
            name: name.to_owned(),
            description: None,
            created: None,
            state: "unknown",
            kind: kind_name(SnapshotKind::Internal),
            memory: memory_bytes.is_some(),
            memory_bytes,
            parent: None,
            current: false,
            disks: tables.iter().filter(has).map(|table| table.target.clone()).collect(),
            missing_in: Vec::new(),
            files: Vec::new(),
            expires: None,
            pinned: false,
            frozen: None,
            held_ms: None,
            managed: false,
            recorded: false,
            unfinished: false,
        }
    }
}

/// The names of the snapshots that are in the disks and that libvirt does not know of, each once.
pub(super) fn unrecorded(snapshots: &[Snapshot], tables: &[DiskTable]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in tables.iter().flat_map(|table| table.snapshots.iter().flatten()) {
        let is_known = snapshots.iter().any(|snapshot| snapshot.name == entry.name);
        if !is_known && !found.contains(&entry.name) {
            found.push(entry.name.clone());
        }
    }
    found
}

fn memory_bytes(name: &str, tables: &[DiskTable]) -> Option<u64> {
    let entries = tables.iter().flat_map(|table| table.snapshots.iter().flatten());
    entries.filter(|entry| entry.name == name).map(|entry| entry.vm_state_bytes).max()
}

fn state_name(snapshot: &Snapshot) -> &'static str {
    let was_held = snapshot.record.as_ref().is_some_and(|record| record.held_ms.is_some());
    match snapshot.state {
        // libvirt has no word for a running VM's disks in their own files.
        SnapshotState::Shutoff if was_held => "disk_only",
        SnapshotState::DiskSnapshot => "disk_only",
        SnapshotState::Shutoff => "shutoff",
        SnapshotState::Running => "running",
        SnapshotState::Paused => "paused",
        SnapshotState::Unknown => "unknown",
    }
}

fn kind_name(kind: SnapshotKind) -> &'static str {
    match kind {
        SnapshotKind::Internal => "internal",
        SnapshotKind::External => "external",
        SnapshotKind::Mixed => "mixed",
        SnapshotKind::Empty => "none",
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A snapshot as it is shown, for tests of that.
    pub(crate) fn status(vm: &str, document: &str, is_current: bool) -> SnapshotStatus {
        let mut snapshot = Snapshot::parse(document).expect("parses");
        snapshot.is_current = is_current;
        SnapshotStatus::of(vm, &snapshot, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::InternalSnapshot;

    fn table(target: &str, names: &[&str]) -> DiskTable {
        let entry =
            |name: &&str| InternalSnapshot { name: (*name).to_owned(), vm_state_bytes: name.len() as u64 };
        DiskTable { target: target.into(), snapshots: Some(names.iter().map(entry).collect()) }
    }

    fn snapshot(name: &str, memory: &str) -> Snapshot {
        let document = format!(
            "<domainsnapshot><name>{name}</name><state>running</state><memory snapshot='{memory}'/>\
             <disks><disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='internal'/>\
             <disk name='vdc' snapshot='no'/></disks></domainsnapshot>"
        );
        Snapshot::parse(&document).expect("parses")
    }

    #[test]
    fn what_the_disks_say_is_held_against_what_libvirt_says() {
        let tables = [
            table("vda", &["kept", "stray", "stray"]),
            table("vdb", &["stray"]),
            DiskTable { target: "vdd".into(), snapshots: None },
        ];
        let kept = SnapshotStatus::of("web", &snapshot("kept", "internal"), &tables);
        assert_eq!((kept.disks, kept.missing_in), (vec!["vda".into(), "vdb".into()], vec!["vdb".to_owned()]));
        assert_eq!((kept.memory_bytes, kept.state, kept.recorded), (Some(4), "running", true));
        let known = [snapshot("kept", "no")];
        assert_eq!(unrecorded(&known, &tables), ["stray"]);
        let stray = SnapshotStatus::unrecorded("web", "stray", &tables);
        assert_eq!((stray.disks, stray.recorded), (vec!["vda".to_owned(), "vdb".into()], false));
        // Where the disks can't be read nothing is said of them.
        let blind = SnapshotStatus::of("web", &snapshot("kept", "internal"), &[]);
        assert_eq!((blind.missing_in.len(), blind.memory_bytes), (0, None));
    }

    #[test]
    fn a_running_vms_disks_are_told_from_those_of_one_that_was_shut_off() {
        let of = |description: &str| {
            let document = format!(
                "<domainsnapshot><name>x</name><description>{description}</description>\
                 <state>shutoff</state><memory snapshot='no'/></domainsnapshot>"
            );
            state_name(&Snapshot::parse(&document).expect("parses"))
        };
        assert_eq!(
            (of("vmtools: held-ms=3"), of("vmtools:"), of("mine")),
            ("disk_only", "shutoff", "shutoff")
        );
    }
}
