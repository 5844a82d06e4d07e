//! The errors of VMs: what they are, and the states that they are in.

use std::path::Path;

use super::{Advice, Doing, ErrorKind as K, hint, virsh, vmtools};
use crate::manager::VmError;
use crate::model::VmState;

pub(super) fn advice(error: &VmError, doing: Doing) -> Advice {
    use VmError as E;
    match error {
        E::Exists { name } => (K::Exists, exists(name, doing)),
        E::NotRunning { name } => {
            (K::WrongState, hint(format_args!("start it with {}", vmtools("start").arg(name).flag("--wait"))))
        }
        E::NotOff { name, state } => (K::WrongState, not_off(name, *state, doing)),
        E::Paused { name } => (
            K::WrongState,
            hint(format_args!(
                "resume it with {}, or power it off with {}",
                vmtools("resume").arg(name),
                force(name)
            )),
        ),
        E::Saved { name } => (
            K::WrongState,
            hint(format_args!(
                "start it with {}, or discard the saved state with {}",
                vmtools("start").arg(name),
                virsh("managedsave-remove").arg(name)
            )),
        ),
        E::StillRunning { name, .. } => (K::Timeout, still_running(name, doing)),
        E::OtherState { name, .. } => (
            K::Timeout,
            hint(format_args!(
                "QEMU pauses a VM when its disk fails or is full; {} shows why",
                virsh("domstate").arg(name).flag("--reason")
            )),
        ),
        E::Hangs { name } => (K::Timeout, hint(format_args!("power it off with {}", force(name)))),
        E::Transient { name } => (K::WrongState, transient(name, doing)),
        E::BeingMade { .. } => (
            K::WrongState,
            hint(format_args!(
                "wait until that has finished; if the process was killed, {} removes what it left",
                vmtools("gc")
            )),
        ),
        E::Unfinished { .. } => (
            K::WrongState,
            hint(format_args!("remove what is left of it with {}, then create it again", vmtools("gc"))),
        ),
        E::NotManaged { .. } => (K::WrongState, None),
        E::Protected { name } => (
            K::WrongState,
            hint(format_args!("remove the protection with {}", vmtools("unprotect").arg(name))),
        ),
        E::HasChildren { name, children } => (
            K::WrongState,
            hint(format_args!(
                "writing to them would corrupt the clones: delete the clones with {}, or start a full clone with {}",
                vmtools("delete").args(children),
                vmtools("clone").arg(name).fixed("COPY").flag("--start")
            )),
        ),
        E::CpuTopology { name, .. } => {
            (K::Incapable, hint(format_args!("change its <topology> with {}", virsh("edit").arg(name))))
        }
        E::NoQmpFolder { .. } => (
            K::Incapable,
            hint(format_args!(
                "{} shows what is missing; until then the VM is monitored through libvirt",
                vmtools("doctor")
            )),
        ),
    }
}

fn exists(name: &str, doing: Doing) -> Option<String> {
    let look = vmtools("status").arg(name);
    match doing {
        Doing::Create => hint(format_args!(
            "choose another name, inspect it with {look}, or add --if-not-exists or --replace"
        )),
        _ => hint(format_args!("choose another name, or inspect it with {look}")),
    }
}

fn not_off(name: &str, state: VmState, doing: Doing) -> Option<String> {
    let stop = match state {
        VmState::Running => vmtools("stop").arg(name),
        // Its guest can't heed a request.
        _ => force(name),
    };
    match (doing, state) {
        (Doing::Clone, VmState::Running | VmState::Paused) => {
            hint(format_args!("stop it with {stop}, or clone it as it is with --live"))
        }
        (Doing::Delete, _) => {
            hint(format_args!("stop it with {stop}, or delete it with --force, which powers it off"))
        }
        _ => hint(format_args!("stop it with {stop}")),
    }
}

fn still_running(name: &str, doing: Doing) -> Option<String> {
    match doing {
        Doing::Restart => hint(format_args!(
            "it was not restarted; power it off and on with {}",
            vmtools("restart").arg(name).flag("--force")
        )),
        _ => hint(format_args!("power it off with {}", force(name))),
    }
}

fn transient(name: &str, doing: Doing) -> Option<String> {
    if doing == Doing::Restart {
        return hint(format_args!("reboot it in place with {}", virsh("reboot").arg(name)));
    }
    let file = format!("{name}.xml");
    hint(format_args!(
        "store its definition: {}, then {}",
        virsh("dumpxml").arg(name).into_file(&file),
        virsh("define").path(Path::new(&file))
    ))
}

fn force(name: &str) -> super::Command {
    vmtools("stop").arg(name).flag("--force")
}
