use std::fmt::Write;

use super::visible;
use crate::manager::{DeletePlan, Going, Staying};
use crate::model::DiskSize;

/// What `delete` would do.
pub fn delete_plans(plans: &[DeletePlan]) -> String {
    let mut text = String::new();
    for plan in plans {
        let running = if plan.running { ", which runs and is stopped at once" } else { "" };
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

fn going(why: Going) -> &'static str {
    match why {
        Going::Own => "made for it alone",
        Going::Nvram => "its firmware's variables",
        Going::Foreign => "not made by vmtools",
    }
}

fn staying(why: Staying) -> &'static str {
    match why {
        Staying::Base => "a base that VMs share",
        Staying::Parent => "of the VM that it is linked to",
        Staying::Disc => "a disc's image",
        Staying::Shared => "VMs may share it",
        Staying::ReadOnly => "it may only read it",
        Staying::Needed => "something else needs it",
        Staying::Foreign => "not made by vmtools",
        Staying::NotInPool => "in no storage pool of libvirt's",
        Staying::Asked => "as asked for",
    }
}

fn state_in_words(state: &str) -> &str {
    match state {
        "tpm" => "TPM's state",
        "managed_save" => "saved memory",
        other => other,
    }
}
