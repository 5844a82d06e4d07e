use std::time::Duration;

use super::sample::{check, section, text, texts, web};
use crate::libvirt::Version;
use crate::manager::{DiskObstacle, FreezeFault, MemoryObstacle, SnapshotError};
use crate::model::{DiskSize, VmState};

#[test]
fn snapshots() {
    let clean = || text("clean");
    let disks = every!(DiskObstacle {
        Format { format: text("raw") },
        NotAFile { source_name: text("rbd:pool/image") },
        Shared {},
    });
    let disks = ["vda", "vdb", "vdc"].into_iter().zip(disks);
    let disks = disks.map(|(target, (_, reason))| (text(target), reason)).collect();
    let mut errors = every!(SnapshotError {
        NotFound { vm: web(), name: text("claen"), nearest: vec![clean()] } | { vm: web(), name: text("a b"), nearest: vec![] },
        Exists { vm: web(), name: clean() },
        ExistsInDisk { vm: web(), target: text("vda"), name: clean() },
        External { vm: web(), snapshots: texts(&["e1", "e 2"]) },
        JobRunning { vm: web() },
        BeingMade { vm: web(), name: clean() },
        Disks { vm: web(), disks },
        NoDisk { vm: web() },
        Firmware { vm: web() },
        FirmwareVersion { vm: web(), is_active: true, works_off: true, needed: Version(10, 9, 0), found: Version(10, 0, 0) }
            | { vm: web(), is_active: false, works_off: false, needed: Version(9, 3, 0), found: Version(9, 0, 0) },
        Memory { vm: web(), reason: MemoryObstacle::Mounts },
        DiskFull {
            vm: web(),
            path: text("/srv/web.qcow2"),
            available: DiskSize::from_bytes(0),
            source: crate::libvirt::Error::NoSpace { command: text("virsh snapshot-create"), message: text("No space left on device") }
        },
        ChangedSinceStart { vm: web() },
        State { vm: web(), state: VmState::Suspended } | { vm: web(), state: VmState::Crashed },
        NotFrozen { vm: web(), reason: FreezeFault::NoAgent },
        Pinned { vm: web(), snapshots: vec![clean()] } | { vm: web(), snapshots: texts(&["clean", "safe"]) },
        Changed { vm: web(), name: clean() },
        NotRecorded { vm: web(), name: clean() },
    });
    let obstacles = every!(MemoryObstacle {
        Mounts {},
        HostDevice {},
        Hold { hold: Duration::from_secs(90) },
        Space { needed: DiskSize::from_gib(8), available: DiskSize::from_gib(3), path: text("/srv/web.qcow2") },
    });
    let memory = |reason| ("Memory", SnapshotError::Memory { vm: web(), reason });
    errors.extend(obstacles.into_iter().skip(1).map(|(_, reason)| memory(reason)));
    let faults = every!(FreezeFault {
        NoAgent {},
        Failed { reason: text("the guest agent refused: busy") },
        TooShort { at_most: Duration::from_secs(5) },
    });
    let not_frozen = |reason| ("NotFrozen", SnapshotError::NotFrozen { vm: web(), reason });
    errors.extend(faults.into_iter().skip(1).map(|(_, reason)| not_frozen(reason)));
    check("snapshot", &[section("SnapshotError", errors)]);
}
