//! On documents recorded from libvirt; tests/fixtures/snapshot/README.md has the commands.

use super::*;

const OFF: &str = include_str!("../../../tests/fixtures/snapshot/off.xml");
const MEMORY: &str = include_str!("../../../tests/fixtures/snapshot/memory.xml");
const LIVE: &str = include_str!("../../../tests/fixtures/snapshot/live.xml");
const EXTERNAL: &str = include_str!("../../../tests/fixtures/snapshot/external.xml");
const EXTERNAL_MEMORY: &str = include_str!("../../../tests/fixtures/snapshot/external-memory.xml");

fn snapshot(document: &str) -> Snapshot {
    Snapshot::parse(document).expect("parses")
}

fn disks(snapshot: &Snapshot) -> Vec<(&str, &SnapshotDiskKind)> {
    snapshot.disks.iter().map(|disk| (disk.target.as_str(), &disk.kind)).collect()
}

#[test]
fn one_of_a_domain_that_is_shut_off() {
    let off = snapshot(OFF);
    assert_eq!((off.name.as_str(), off.description.as_deref()), ("s1", Some("Line one")));
    assert_eq!(
        (off.state, off.has_memory, off.kind),
        (SnapshotState::Shutoff, false, SnapshotKind::Internal)
    );
    assert_eq!(disks(&off), [("vda", &SnapshotDiskKind::Internal), ("vdb", &SnapshotDiskKind::No)]);
    let record = off.record.as_ref().expect("is vmtools'");
    assert_eq!(record.expires.map(|time| time.to_string()).as_deref(), Some("2026-12-01T00:00:00Z"));
    assert!(record.pinned && off.has_disk("vda") && !off.has_disk("vdb") && !off.has_disk("vdc"));
    assert_eq!(off.created.map(|time| time.to_string()).as_deref(), Some("2026-11-28T03:13:56Z"));
    assert_eq!((off.parent.as_deref(), off.files().len()), (None, 0));
    let domain = off.domain();
    assert_eq!((domain.name.as_str(), domain.memory_mib, domain.disks.len()), ("a", 128, 2));
    assert!(off.stored_domain.is_none());
}

#[test]
fn one_with_memory() {
    let memory = snapshot(MEMORY);
    assert_eq!((memory.state, memory.has_memory), (SnapshotState::Running, true));
    assert_eq!(memory.kind, SnapshotKind::Internal);
    // libvirt keeps the definition of the next start beside that of the machine.
    let stored = memory.stored_domain.clone().map(Domain::of_tree).expect("is there");
    assert_eq!((stored.name.as_str(), memory.domain().name.as_str()), ("r", "r"));
    assert_eq!(memory.disks.len(), memory.domain().disks.len());
}

#[test]
fn one_that_qemu_made_reads_as_one_of_a_domain_that_is_shut_off() {
    let live = snapshot(LIVE);
    assert_eq!(
        (live.state, live.has_memory, live.kind),
        (SnapshotState::Shutoff, false, SnapshotKind::Internal)
    );
    assert_eq!(live.parent.as_deref(), Some("mem"));
    let record = SnapshotRecord { held_ms: Some(3), ..SnapshotRecord::default() };
    assert_eq!((live.record, live.description), (Some(record), None));
}

#[test]
fn external_ones_name_what_was_made_beside_the_disks() {
    let external = snapshot(EXTERNAL);
    assert_eq!((external.state, external.kind), (SnapshotState::DiskSnapshot, SnapshotKind::External));
    assert!(external.record.is_none() && !external.has_memory);
    assert_eq!(external.files(), ["/var/lib/libvirt/images/r.e1", "/var/lib/libvirt/images/rv.e1"]);
    let memory = snapshot(EXTERNAL_MEMORY);
    assert_eq!((memory.state, memory.has_memory), (SnapshotState::Running, true));
    assert_eq!(memory.memory_file.as_deref(), Some("/tmp/e2.mem"));
    assert_eq!(memory.files().last().map(String::as_str), Some("/tmp/e2.mem"));
    let both = EXTERNAL_MEMORY.replacen("snapshot='external' type='file'", "snapshot='internal'", 1);
    assert_eq!(snapshot(&both).kind, SnapshotKind::Mixed);
}

#[test]
fn what_is_missing_or_new_is_no_error() {
    let bare = snapshot("<domainsnapshot><name> a  b </name><state>running</state></domainsnapshot>");
    // libvirt 1.0.0 and older wrote no <memory>.
    assert_eq!((bare.name.as_str(), bare.has_memory, bare.kind), (" a  b ", true, SnapshotKind::Internal));
    let odd = "<domainsnapshot><name>x</name><state>dreaming</state><creationTime>soon</creationTime>\
        <memory snapshot='no'/><disks><disk name='vda' snapshot='manual'/></disks></domainsnapshot>";
    let odd = snapshot(odd);
    assert_eq!((odd.state, odd.kind, odd.created), (SnapshotState::Unknown, SnapshotKind::Empty, None));
    assert_eq!(disks(&odd), [("vda", &SnapshotDiskKind::Other)]);
    for malformed in ["", "error: no", "<domainsnapshot><name>x</name>"] {
        assert!(Snapshot::parse(malformed).is_err(), "{malformed}");
    }
}

#[test]
fn a_pin_keeps_what_has_expired() {
    let of = |line: &str| {
        snapshot(&format!("<domainsnapshot><name>x</name><description>{line}</description></domainsnapshot>"))
    };
    assert!(of("vmtools: expires=2020-01-01T00:00:00Z").is_expired());
    assert!(!of("vmtools: expires=2020-01-01T00:00:00Z pinned=yes").is_expired());
    assert!(!of("vmtools: expires=2120-01-01T00:00:00Z").is_expired());
    assert!(!of("vmtools:").is_expired() && !of("expires=2020-01-01T00:00:00Z").is_expired());
}
