//! Reverts as text.

use std::fmt::Write;

use super::visible;
use crate::manager::{ConfigChange, RevertPlan, Reverted};

/// What `snapshot revert` would do.
pub fn revert_plan(plan: &RevertPlan) -> String {
    let created = plan.created.map(|time| format!(" (created {time})")).unwrap_or_default();
    let (vm, snapshot) = (visible(&plan.vm), visible(&plan.snapshot));
    let mut text = format!("revert {vm} to the snapshot {snapshot}{created}\n");
    let mut line = |words: &str| {
        let _ = writeln!(text, "  {words}");
    };
    line(match plan.saves_first {
        true => "changes to its disks since then are saved in a new snapshot first",
        false => "changes to its disks since then are lost",
    });
    line(&format!("state: {} now, {} afterwards", plan.state.in_words(), plan.state_after.in_words()));
    if plan.discards_saved {
        line("discarding its saved state");
    }
    for change in &plan.changes {
        let (now, then) = (value(change, &change.now), value(change, &change.then));
        line(&format!("{}: {now} now, {then} afterwards", setting(change)));
    }
    for disk in &plan.detached {
        line(&format!("detaching {}, keeping {}", disk.target, visible(&disk.path)));
    }
    for checkpoint in &plan.checkpoints {
        line(&format!("deleting the checkpoint {}: the next backup will be a full one", visible(checkpoint)));
    }
    text
}

/// The name of a setting, without its unit.
fn setting(change: &ConfigChange) -> String {
    change.setting.trim_end_matches("_mib").replace('_', " ")
}

fn value(change: &ConfigChange, text: &str) -> String {
    let unit = if change.setting.ends_with("_mib") { " MiB" } else { "" };
    if text.is_empty() { "none".to_owned() } else { format!("{}{unit}", visible(text)) }
}

/// What `snapshot revert` has done.
pub fn reverted(reverted: &Reverted) -> String {
    let plan = &reverted.plan;
    let saved = reverted.saved_as.as_ref();
    let saved = saved.map(|name| format!(" (previous state saved as {})", visible(name)));
    let (vm, snapshot, state) = (visible(&plan.vm), visible(&plan.snapshot), reverted.state.in_words());
    let mut text = format!("reverted {vm} to {snapshot}: {state}{}\n", saved.unwrap_or_default());
    for disk in &plan.detached {
        let _ = writeln!(text, "  detached {}, keeping {}", disk.target, visible(&disk.path));
    }
    text
}
