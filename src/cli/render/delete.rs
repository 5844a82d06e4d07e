use std::fmt::Write;

use super::visible;
use crate::manager::{DeletePlan, DeleteReason, Deleted, KeepReason};
use crate::model::DiskSize;

/// What `delete` would do, with or without `--force`.
pub fn delete_plans(plans: &[DeletePlan], force: bool) -> String {
    let mut text = String::new();
    for plan in plans {
        let running = match (plan.running, force) {
            (false, _) => "",
            (true, true) => " (running; powered off first)",
            (true, false) => " (running; needs --force, which powers it off first)",
        };
        let _ = writeln!(text, "delete the VM {}{running}", visible(&plan.name));
        for file in &plan.files {
            let size = file.size_bytes.map(|bytes| format!("{}, ", DiskSize::from_bytes(bytes)));
            let (path, size) = (visible(&file.path), size.unwrap_or_default());
            let _ = writeln!(text, "  with {path} ({size}{})", going(file.why));
        }
        for state in &plan.state {
            let _ = writeln!(text, "  with its {}", state_in_words(state));
        }
        for snapshot in &plan.snapshots {
            let _ = writeln!(text, "  with its snapshot {}", visible(snapshot));
        }
        for file in &plan.kept {
            let _ = writeln!(text, "  keeping {} ({})", visible(&file.path), staying(file.why));
        }
    }
    text
}

/// What was deleted. Disks are named when they are not vmtools' own, or stay.
pub fn deleted(vm: &Deleted) -> String {
    let mut text = format!("deleted {}\n", visible(&vm.name));
    for path in &vm.foreign {
        let _ = writeln!(text, "  with {}", visible(path));
    }
    for file in &vm.stays {
        let _ = writeln!(text, "  keeping {} ({})", visible(&file.path), staying(file.why));
    }
    text
}

fn going(why: DeleteReason) -> &'static str {
    match why {
        DeleteReason::Own => "created for this VM",
        DeleteReason::Nvram => "firmware variables",
        DeleteReason::Snapshot => "disk of a snapshot",
        DeleteReason::Foreign => "not created by vmtools",
    }
}

fn staying(why: KeepReason) -> &'static str {
    match why {
        KeepReason::Base => "shared base image",
        KeepReason::Parent => "disk of the VM it is cloned from",
        KeepReason::Disc => "CD-ROM image",
        KeepReason::Shared => "shareable",
        KeepReason::ReadOnly => "read-only",
        KeepReason::Needed => "needed by something else",
        KeepReason::Foreign => "not created by vmtools",
        KeepReason::Elsewhere => "not a file on this host",
        KeepReason::NotInPool => "not in a storage pool",
        KeepReason::Asked => "as requested",
        KeepReason::Output => "output of its devices",
    }
}

fn state_in_words(state: &str) -> &str {
    match state {
        "tpm" => "TPM state",
        "managed_save" => "saved memory",
        other => other,
    }
}
