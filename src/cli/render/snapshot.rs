//! Snapshots as text.

use std::fmt::Write;

use super::table::table;
use super::{expiry, or_dash, visible, yes_no};
use crate::manager::{DeletedSnapshot, SnapshotDeletion, SnapshotStatus};
use crate::model::DiskSize;

/// The table of `snapshot list`; of several VMs each row begins with its VM.
pub fn snapshots(snapshots: &[SnapshotStatus], with_vm: bool) -> String {
    let heading = ["VM", "NAME", "CREATED", "STATE", "KIND", "MEMORY", "PARENT", "CURRENT", "EXPIRES"];
    let skipped = usize::from(!with_vm);
    let rows = snapshots.iter().map(|snapshot| {
        let cells = [
            snapshot.vm.clone(),
            snapshot.name.clone(),
            or_dash(snapshot.created.map(|time| time.to_string())),
            state(snapshot).to_owned(),
            snapshot.kind.to_owned(),
            memory(snapshot),
            or_dash(snapshot.parent.clone()),
            if snapshot.current { "yes" } else { "-" }.to_owned(),
            or_dash(keeping(snapshot)),
        ];
        cells.into_iter().skip(skipped).collect()
    });
    table(heading.map(str::to_owned).into_iter().skip(skipped).collect(), rows.collect())
}

/// What `snapshot list --tree` prints: each below the one that was current when it was made.
pub fn snapshot_tree(snapshots: &[SnapshotStatus], with_vm: bool) -> String {
    let mut text = String::new();
    for vm in snapshots.chunk_by(|one, other| one.vm == other.vm) {
        if let Some(first) = vm.first().filter(|_| with_vm) {
            let _ = writeln!(text, "{}", visible(&first.vm));
        }
        let is_root = |snapshot: &&SnapshotStatus| {
            let has_it = |parent: &String| vm.iter().any(|other| other.name == *parent);
            !snapshot.parent.as_ref().is_some_and(has_it)
        };
        let roots: Vec<&SnapshotStatus> = vm.iter().filter(is_root).collect();
        let indent = if with_vm { "  " } else { "" };
        for root in roots {
            branch(&mut text, vm, root, indent, indent);
        }
    }
    text
}

/// A snapshot, in the line that begins so, and those below it, whose lines begin with `below`. libvirt refuses circles.
fn branch(text: &mut String, all: &[SnapshotStatus], snapshot: &SnapshotStatus, line: &str, below: &str) {
    let current = if snapshot.current { "  (current)" } else { "" };
    let created = snapshot.created.map(|time| format!("  {time}")).unwrap_or_default();
    let _ = writeln!(text, "{line}{}{created}  {}{current}", visible(&snapshot.name), state(snapshot));
    let children = all.iter().filter(|child| child.parent.as_ref() == Some(&snapshot.name));
    let mut children = children.peekable();
    while let Some(child) = children.next() {
        let (mark, bar) = if children.peek().is_some() { ("|- ", "|  ") } else { ("`- ", "   ") };
        branch(text, all, child, &format!("{below}{mark}"), &format!("{below}{bar}"));
    }
}

/// The page of `snapshot show`.
pub fn snapshot(snapshot: &SnapshotStatus) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12} {}", visible(value));
    };
    line("name", &snapshot.name);
    line("vm", &snapshot.vm);
    for words in snapshot.description.iter().flat_map(|text| text.lines()) {
        line("description", words);
    }
    line("created", &or_dash(snapshot.created.map(|time| time.to_string())));
    line("state", state(snapshot));
    line("kind", snapshot.kind);
    line("memory", &memory(snapshot));
    line("disks", &or_dash((!snapshot.disks.is_empty()).then(|| snapshot.disks.join(", "))));
    if !snapshot.missing_in.is_empty() {
        line("missing in", &snapshot.missing_in.join(", "));
    }
    for file in &snapshot.files {
        line("file", file);
    }
    match (snapshot.frozen, snapshot.held_ms.map(seconds)) {
        (Some(true), Some(held)) => line("frozen", &format!("for {held}")),
        (Some(frozen), _) => line("frozen", yes_no(frozen)),
        (None, Some(held)) if snapshot.memory => line("paused", &format!("for {held}")),
        (None, _) => {}
    }
    line("parent", &or_dash(snapshot.parent.clone()));
    line("current", yes_no(snapshot.current));
    line("expires", &or_dash(snapshot.expires.map(expiry)));
    line("pinned", yes_no(snapshot.pinned));
    text
}

/// What `snapshot create` made.
pub fn snapshot_created(snapshot: &SnapshotStatus) -> String {
    let held = snapshot.held_ms.map(seconds);
    let what = match (snapshot.memory, snapshot.frozen, held) {
        (true, _, Some(held)) => format!("disks and memory, guest paused for {held}"),
        (true, _, None) => "disks and memory".to_owned(),
        (false, Some(true), Some(held)) => format!("disks, file systems frozen for {held}"),
        (false, Some(false), _) => "disks, file systems not frozen".to_owned(),
        (false, _, _) => "disks".to_owned(),
    };
    let until = until(snapshot).map(|words| format!(", {words}")).unwrap_or_default();
    format!("created {}: {what}{until}\n", title(snapshot))
}

/// What `snapshot set` changed.
pub fn snapshot_changed(snapshot: &SnapshotStatus) -> String {
    let until = until(snapshot).unwrap_or_else(|| "never expires".to_owned());
    format!("changed {}: {until}\n", title(snapshot))
}

/// What `snapshot delete` would do.
pub fn snapshot_deletions(plans: &[SnapshotDeletion]) -> String {
    let mut text = String::new();
    let created = |snapshot: &SnapshotStatus| {
        snapshot.created.map(|time| format!("created {time}, ")).unwrap_or_default()
    };
    for snapshot in plans.iter().flat_map(|plan| &plan.snapshots) {
        let (name, pinned) = (title(snapshot), if snapshot.pinned { ", pinned" } else { "" });
        let (created, state) = (created(snapshot), state(snapshot));
        let _ = writeln!(text, "delete the snapshot {name} ({created}{state}{pinned})");
        for file in &snapshot.files {
            let _ = writeln!(text, "  with {}", visible(file));
        }
    }
    for snapshot in plans.iter().flat_map(|plan| &plan.kept) {
        let _ = writeln!(text, "keep the snapshot {} ({}pinned)", title(snapshot), created(snapshot));
    }
    text
}

/// What `snapshot delete` has deleted.
pub fn deleted_snapshot(deleted: &DeletedSnapshot) -> String {
    format!("deleted {} of {}\n", visible(&deleted.name), visible(&deleted.vm))
}

/// What the VM was doing, or why it can't be brought back to that.
fn state(snapshot: &SnapshotStatus) -> &'static str {
    if snapshot.unfinished {
        "unfinished"
    } else if !snapshot.recorded {
        "unrecorded"
    } else if !snapshot.missing_in.is_empty() {
        "damaged"
    } else {
        snapshot.state
    }
}

fn memory(snapshot: &SnapshotStatus) -> String {
    match (snapshot.memory, snapshot.memory_bytes) {
        (false, _) => "-".to_owned(),
        (true, None) => "yes".to_owned(),
        (true, Some(size)) => DiskSize::from_bytes(size).to_string(),
    }
}

fn title(snapshot: &SnapshotStatus) -> String {
    visible(&snapshot.name_of_vm()).into_owned()
}

/// For how long it is kept, in a sentence.
fn until(snapshot: &SnapshotStatus) -> Option<String> {
    let keeping = keeping(snapshot)?;
    Some(if snapshot.pinned { keeping } else { format!("expires {keeping}") })
}

/// The same in a table.
fn keeping(snapshot: &SnapshotStatus) -> Option<String> {
    if snapshot.pinned { Some("pinned".to_owned()) } else { snapshot.expires.map(expiry) }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}
