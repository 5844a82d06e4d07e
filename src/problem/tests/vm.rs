use std::time::Duration;

use super::sample::{check, section, text, texts, web};
use crate::libvirt::{Conflict, NotCopyable, Obstacle, StateMismatch, TopologyMismatch};
use crate::manager::{CloneError, ForkError, ForkObstacle, LiveCopyFault, VmError};
use crate::model::VmState;

#[test]
fn vms() {
    let timeout = Duration::from_secs(90);
    let cause = TopologyMismatch { cpus: 3, per_socket: 2 };
    let errors = every!(VmError {
        Exists { name: web() },
        NotRunning { name: web() },
        NotOff { name: web(), state: VmState::Running }
            | { name: web(), state: VmState::Paused }
            | { name: web(), state: VmState::Crashed },
        Paused { name: web() },
        Saved { name: web() },
        StillRunning { name: web(), timeout },
        OtherState { name: web(), wanted: VmState::Running, state: VmState::Paused },
        Hangs { name: web() },
        Transient { name: web() },
        BeingMade { name: web() },
        Unfinished { name: web() },
        NotManaged { name: web() },
        Protected { name: web() },
        HasChildren { name: web(), children: texts(&["web-1", "web-2"]) },
        CpuTopology { name: web(), cause },
        NoQmpFolder { name: web() },
    });
    check("vm", &[section("VmError", errors)]);
}

#[test]
fn clones() {
    let errors = every!(CloneError {
        SourceChanged { name: web() },
        CopyFailed { name: web(), reason: LiveCopyFault::ShutDown },
        NotClonable { name: web(), cause: not_copyable("/dev/vfio/7", Conflict::Exclusive) }
            | { name: web(), cause: not_copyable("/data.img", Conflict::File) },
    });
    let faults = every!(LiveCopyFault {
        ShutDown {},
        Stalled (Duration::from_secs(60)),
        Failed { message: text("Input/output error") },
    });
    let faults =
        faults.into_iter().map(|(name, reason)| (name, CloneError::CopyFailed { name: web(), reason }));
    check("clone", &[section("CloneError", errors), section("LiveCopyFault", faults.collect())]);
}

#[test]
fn forks() {
    let said = || text("python3 is not installed");
    let errors = every!(ForkError {
        NotPossible { name: web(), reason: ForkObstacle::Mounts },
        NotPrepared { name: web(), said: said() },
        State { name: web(), cause: Box::new(StateMismatch::Interfaces) },
        Identity { name: web(), said: said() },
        InterfaceStays { name: web() },
    });
    let obstacles = every!(ForkObstacle {
        RemoteHost {},
        StoragePool {},
        NotPermitted {},
        Mounts {},
        Tpm {},
        Disk { target: text("vdb") },
        Changed { cause: StateMismatch::Interfaces },
        ChangedOtherwise {},
        NoAccess {},
        NoPython {},
    });
    let obstacles = obstacles.into_iter();
    let obstacles = obstacles.map(|(name, reason)| (name, ForkError::NotPossible { name: web(), reason }));
    check("fork", &[section("ForkError", errors), section("ForkObstacle", obstacles.collect())]);
}

fn not_copyable(resource: &str, conflict: Conflict) -> NotCopyable {
    let element = text("devices[1]/hostdev[1]");
    NotCopyable { obstacles: vec![Obstacle { element, resource: resource.to_owned(), conflict }] }
}
