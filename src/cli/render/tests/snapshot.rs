use super::super::{
    deleted_snapshot, snapshot, snapshot_changed, snapshot_created, snapshot_deletions, snapshot_tree,
    snapshots,
};
use super::{ODD, check, future, past, text, texts};
use crate::manager::{DeletedSnapshot, SnapshotDeletion, SnapshotStatus};

/// One of a VM that was shut off.
fn off(name: &str) -> SnapshotStatus {
    SnapshotStatus {
        vm: text("web"),
        name: text(name),
        description: None,
        created: Some(past()),
        state: "shutoff",
        kind: "internal",
        memory: false,
        memory_bytes: None,
        parent: None,
        current: false,
        disks: texts(&["vda"]),
        missing_in: Vec::new(),
        files: Vec::new(),
        expires: None,
        pinned: false,
        frozen: None,
        held_ms: None,
        managed: true,
        recorded: true,
        unfinished: false,
    }
}

fn with_memory() -> SnapshotStatus {
    SnapshotStatus {
        state: "running",
        description: Some(text("before the upgrade\nof everything")),
        memory: true,
        memory_bytes: Some(1_700_000_000),
        parent: Some(text("clean")),
        expires: Some(future()),
        held_ms: Some(1_054),
        ..off("warm")
    }
}

fn of_running_disks() -> SnapshotStatus {
    SnapshotStatus {
        state: "disk_only",
        parent: Some(text("warm")),
        current: true,
        pinned: true,
        expires: Some(past()),
        frozen: Some(true),
        held_ms: Some(41),
        disks: texts(&["vda", "vdc"]),
        ..off("live")
    }
}

/// Those of others, and what is wrong with some.
fn others() -> Vec<SnapshotStatus> {
    let external = SnapshotStatus {
        kind: "external",
        state: "disk_only",
        parent: Some(text("clean")),
        files: texts(&["/srv/web.e1"]),
        managed: false,
        ..off("e1")
    };
    let odd = SnapshotStatus { memory: true, created: None, state: "unknown", managed: false, ..off(ODD) };
    let damaged = SnapshotStatus { missing_in: texts(&["vda"]), expires: Some(past()), ..off("gone") };
    let stray = SnapshotStatus { recorded: false, created: None, managed: false, ..off("stray") };
    let unfinished = SnapshotStatus { unfinished: true, ..off("half") };
    vec![external, odd, damaged, stray, unfinished]
}

#[test]
fn lists() {
    let mut all = vec![off("clean"), with_memory(), of_running_disks()];
    all.extend(others());
    let db = SnapshotStatus { vm: text("db"), ..off("clean") };
    let of_two: Vec<_> = all[..2].iter().cloned().chain([db]).collect();
    check(
        "snapshots",
        &[
            ("snapshot list", snapshots(&all, false)),
            ("snapshot list: none", snapshots(&[], false)),
            ("snapshot list: of two VMs", snapshots(&of_two, true)),
            ("snapshot list --tree", snapshot_tree(&all, false)),
            ("snapshot list --tree: of two VMs", snapshot_tree(&of_two, true)),
            ("snapshot show", snapshot(&of_running_disks())),
            ("snapshot show: with memory", snapshot(&with_memory())),
            ("snapshot show: external", snapshot(&others()[0])),
            ("snapshot show: damaged", snapshot(&others()[2])),
        ],
    );
}

#[test]
fn outcomes() {
    let not_frozen = SnapshotStatus { frozen: Some(false), pinned: false, ..of_running_disks() };
    let paused = SnapshotStatus { state: "paused", held_ms: None, ..with_memory() };
    let made = [off("clean"), with_memory(), paused, of_running_disks(), not_frozen];
    let kept = vec![of_running_disks()];
    let plan = SnapshotDeletion::sample("web", [vec![with_memory()], others()].concat(), kept);
    let of_db =
        SnapshotDeletion::sample("db", vec![SnapshotStatus { vm: text("db"), ..off("clean") }], vec![]);
    let gone = DeletedSnapshot { vm: text("web"), name: text(ODD) };
    check(
        "snapshot",
        &[
            ("snapshot create", made.iter().map(snapshot_created).collect()),
            ("snapshot set", made.iter().map(snapshot_changed).collect()),
            ("snapshot delete --dry-run", snapshot_deletions(&[plan, of_db])),
            ("snapshot delete", deleted_snapshot(&gone)),
        ],
    );
}
