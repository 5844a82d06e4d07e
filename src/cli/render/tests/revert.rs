use super::super::{revert_plan, reverted};
use super::{ODD, check, past, text, texts};
use crate::manager::{ConfigChange, DetachedDisk, RevertPlan, Reverted};
use crate::model::VmState;

fn plan() -> RevertPlan {
    RevertPlan {
        vm: text("web"),
        snapshot: text("clean"),
        created: Some(past()),
        state: VmState::Running,
        state_after: VmState::Shutoff,
        config: "then",
        changes: Vec::new(),
        detached: Vec::new(),
        checkpoints: Vec::new(),
        discards_saved: false,
        saves_first: true,
    }
}

fn with_losses() -> RevertPlan {
    let change = |setting, now: &str, then: &str| ConfigChange { setting, now: text(now), then: text(then) };
    RevertPlan {
        vm: text(ODD),
        snapshot: text(ODD),
        created: None,
        changes: vec![change("memory_mib", "2048", "1024"), change("interfaces", "52:54:00:00:00:01", "")],
        detached: vec![DetachedDisk { target: text("vdc"), path: text("/srv/web-disk2.qcow2") }],
        checkpoints: texts(&["backup-1"]),
        discards_saved: true,
        saves_first: false,
        ..plan()
    }
}

#[test]
fn reverts() {
    let done = |plan, state, saved_as: Option<&str>| Reverted {
        plan,
        state,
        saved_as: saved_as.map(str::to_owned),
        clock_set: None,
    };
    check(
        "revert",
        &[
            ("snapshot revert --dry-run", revert_plan(&plan())),
            ("what is lost with it", revert_plan(&with_losses())),
            ("snapshot revert", reverted(&done(plan(), VmState::Running, Some("before")))),
            ("with a disk that is detached", reverted(&done(with_losses(), VmState::Shutoff, None))),
        ],
    );
}
