use std::time::Duration;

use super::sample::{check, section, text, texts, vda, web};
use crate::host::Program;
use crate::libvirt::DiskDevice;
use crate::manager::{CopyObstacle, Dependent, DiskError, Place, StorageError};
use crate::model::DiskSize;

#[test]
fn storage() {
    let path = || text("/var/lib/libvirt/images/base.qcow2");
    let (needed, available) = (DiskSize::from_gib(8), DiskSize::from_gib(3));
    let virtd = || Program { pid: 4711, name: text("qemu-system-x86") };
    let mut errors = every!(StorageError {
        NoSpace { place: Place::Pool(text("vmtools")), available, needed },
        NoPool { name: text("fast") },
        NotInPool { name: web(), path: text("/srv/vms/web.qcow2") },
        BaseBroken { pool: text("vmtools"), volume: text("base-0b8c61.qcow2") },
        InUse { path: path(), needed_by: vec![] },
        Open { path: path(), programs: vec![] } | { path: path(), programs: vec![virtd(), virtd()] },
        Forged { name: web(), disk: vda() },
        NotRemoved { name: web() },
    });
    let places = every!(Place { Pool (text("vmtools")), Folder ("/home/anna/.cache/vmtools".into()) });
    errors.extend(
        places
            .into_iter()
            .skip(1)
            .map(|(_, place)| ("NoSpace", StorageError::NoSpace { place, available, needed })),
    );
    let needers =
        every!(Dependent { Vm (web()), File (text("/srv/x.qcow2")), Unknown (text("db")), NewVms {} });
    let in_use = |needed_by| ("InUse", StorageError::InUse { path: path(), needed_by });
    errors.extend(needers.iter().map(|(_, needer)| in_use(vec![needer.clone()])));
    errors.push(in_use(needers.into_iter().map(|(_, needer)| needer).collect()));
    // A file that nothing needs is not in use.
    errors
        .retain(|(_, error)| !matches!(error, StorageError::InUse { needed_by, .. } if needed_by.is_empty()));
    check("storage", &[section("StorageError", errors)]);
}

#[test]
fn disks() {
    let device = DiskDevice::Cdrom;
    let mut errors = every!(DiskError {
        NoSuchDisk { name: web(), target: text("vdx") },
        Replaced { name: web(), target: vda() },
        NotADisk { name: web(), target: text("sda"), device },
        Seed { name: web(), target: vda() },
        NotADrive { name: web(), target: vda(), device: DiskDevice::Disk },
        NotHotPluggable { name: web(), target: text("sdb") },
        TooManyDisks { name: web() },
        NeededDisk { name: web(), target: vda() },
        StillAttached { name: web(), target: text("vdb"), timeout: Duration::from_secs(30) },
        NoDrive { name: web() },
        WhichDrive { name: web(), targets: texts(&["sda", "sdb"]) },
        WouldShrink { path: text("/srv/web.qcow2"), has: DiskSize::from_gib(20), wanted: DiskSize::from_gib(10) },
        SizeUnknown { path: text("/srv/web.qcow2") },
        NoDisk { name: web() },
        Elsewhere { name: web(), disk: vda(), source_name: text("rbd:pool/image") },
        FileMissing { name: web(), disk: vda(), path: "/srv/base.qcow2".into() },
        NotCopyable { name: web(), disk: vda(), reason: CopyObstacle::Encrypted },
    });
    let reasons = every!(CopyObstacle { Encrypted {}, SizeUnknown {} });
    let not_copyable = |reason| DiskError::NotCopyable { name: web(), disk: vda(), reason };
    errors.extend(reasons.into_iter().skip(1).map(|(_, reason)| ("NotCopyable", not_copyable(reason))));
    let devices = every!(DiskDevice { Disk {}, Cdrom {}, Floppy {}, Lun {} });
    let not_a_drive = |device| DiskError::NotADrive { name: web(), target: vda(), device };
    errors.extend(devices.into_iter().skip(2).map(|(_, device)| ("NotADrive", not_a_drive(device))));
    check("disk", &[section("DiskError", errors)]);
}
