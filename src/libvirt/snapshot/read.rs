//! libvirt's document of a snapshot (its formatsnapshot).

use std::time::{Duration, SystemTime};

use super::record::split;
use super::{Snapshot, SnapshotDisk, SnapshotDiskKind, SnapshotKind, SnapshotState};
use crate::libvirt::xml::{Element, XmlError};
use crate::model::Timestamp;

impl Snapshot {
    /// Reads `snapshot-dumpxml`'s output. Whether it is the current one is not in there.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        let mut tree = Element::parse(document)?;
        let (description, record) = split(tree.find_text("description").as_deref().unwrap_or_default());
        let disks: Vec<SnapshotDisk> =
            tree.find("disks").into_iter().flat_map(|disks| disks.all("disk")).map(read_disk).collect();
        let memory = tree.find("memory");
        let memory_kind = memory.and_then(|memory| memory.attribute("snapshot"));
        let state = state(tree.find_text("state").as_deref());
        // Before libvirt 1.0.1 there was no <memory>, and one of a machine that ran had it.
        let has_memory = match memory_kind {
            Some(kind) => kind != "no",
            None => matches!(state, SnapshotState::Running | SnapshotState::Paused),
        };
        Ok(Self {
            name: tree.find("name").map(Element::raw_content).unwrap_or_default(),
            description: (!description.is_empty()).then_some(description),
            record,
            created: tree.find_text("creationTime").and_then(|seconds| seconds.parse().ok()).map(moment),
            state,
            has_memory,
            kind: kind(&disks, memory_kind.or(has_memory.then_some("internal"))),
            parent: tree.find("parent/name").map(Element::raw_content),
            is_current: false,
            memory_file: memory.and_then(|memory| memory.attribute("file")).map(str::to_owned),
            disks,
            domain: take(&mut tree, "domain").unwrap_or_else(|| Element::new("domain")),
            stored_domain: take(&mut tree, "inactiveDomain")
                .map(|element| Element { name: "domain".to_owned(), ..element }),
        })
    }

    /// One of which nothing but the name can be asked.
    pub(super) fn of_name(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            record: None,
            created: None,
            state: SnapshotState::Unknown,
            has_memory: false,
            kind: SnapshotKind::Empty,
            parent: None,
            is_current: false,
            disks: Vec::new(),
            memory_file: None,
            domain: Element::new("domain"),
            stored_domain: None,
        }
    }

    /// The files that libvirt made for it beside the disks.
    pub fn files(&self) -> Vec<String> {
        let of_disks = self.disks.iter().filter_map(|disk| match &disk.kind {
            SnapshotDiskKind::External { file } => file.clone(),
            _ => None,
        });
        of_disks.chain(self.memory_file.clone()).collect()
    }
}

fn read_disk(disk: &Element) -> SnapshotDisk {
    let kind = match disk.attribute("snapshot") {
        Some("no") => SnapshotDiskKind::No,
        Some("internal") => SnapshotDiskKind::Internal,
        Some("external") => {
            SnapshotDiskKind::External { file: disk.find_attribute("source", "file").map(str::to_owned) }
        }
        _ => SnapshotDiskKind::Other,
    };
    SnapshotDisk { target: disk.attribute("name").unwrap_or_default().to_owned(), kind }
}

fn state(word: Option<&str>) -> SnapshotState {
    match word {
        Some("shutoff" | "shutdown" | "crashed") => SnapshotState::Shutoff,
        Some("running" | "blocked") => SnapshotState::Running,
        Some("paused") => SnapshotState::Paused,
        Some("disk-snapshot") => SnapshotState::DiskSnapshot,
        _ => SnapshotState::Unknown,
    }
}

fn kind(disks: &[SnapshotDisk], memory: Option<&str>) -> SnapshotKind {
    let is_internal = |disk: &SnapshotDisk| disk.kind == SnapshotDiskKind::Internal;
    let is_external = |disk: &SnapshotDisk| matches!(disk.kind, SnapshotDiskKind::External { .. });
    let internal = disks.iter().any(is_internal) || memory == Some("internal");
    let external = disks.iter().any(is_external) || memory == Some("external");
    match (internal, external) {
        (true, false) => SnapshotKind::Internal,
        (false, true) => SnapshotKind::External,
        (true, true) => SnapshotKind::Mixed,
        (false, false) => SnapshotKind::Empty,
    }
}

fn moment(seconds: u64) -> Timestamp {
    (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
}

fn take(tree: &mut Element, name: &str) -> Option<Element> {
    // A definition is long: it is moved, not copied.
    tree.find_mut(name).map(|element| std::mem::replace(element, Element::new(name)))
}
