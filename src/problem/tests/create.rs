use std::io;

use super::sample::{check, denied, file, not_json, parsed, section, text, web};
use crate::host::{Blocker, KvmFault, Permission};
use crate::manager::{CreateError, ResourceError};
use crate::model::{DiskSize, Invalid, MemorySize};
use crate::seed::{Error as SeedError, UserDataFault};

#[test]
fn creates() {
    let cause = || SeedError::UserData(UserDataFault::Empty);
    let errors = every!(CreateError {
        NothingToBoot { name: web() },
        DiskTooSmall {
            wanted: DiskSize::from_gib(1),
            needed: DiskSize::from_bytes(0xc000_0001),
            image: text("debian-13"),
        },
        Document { file: "user-data.yaml".into(), cause: cause() } | { file: "-".into(), cause: cause() },
        NotCloudInit { image: text("fedora-coreos") },
        CannotPublish { network: parsed("default") },
        PublishedTwice { port: 8080 },
        PortTaken { port: 8080 },
    });
    check("create", &[section("CreateError", errors), section("ResourceError", resources())]);
}

fn resources() -> Vec<(&'static str, ResourceError)> {
    let blocker = || Blocker {
        path: "/home/anna".into(),
        lacks: Permission::Search,
        fix: text("setfacl -m u:libvirt-qemu:x /home/anna"),
    };
    let mut errors = every!(ResourceError {
        TooMuchMemory { wanted: MemorySize::from_mib(65536), total: MemorySize::from_mib(16000) },
        TooManyCpus { wanted: 99, host: 1 },
        NoKvm { reason: KvmFault::Denied },
        FolderMissing { path: "/srv/none".into() },
        NotHere { path: "/srv/disk.qcow2".into(), uri: text("qemu+ssh://far/system") },
        NotUtf8 { path: "/srv/a".into() },
        PathBlocked { path: "/home/anna/disk.qcow2".into(), blocker: blocker() },
    });
    let faults = every!(KvmFault {
        NotADevice {},
        NoExtensions {},
        NoExtensionsNorDevice {},
        NoModule {},
        Denied {},
        Unusable (io::ErrorKind::ResourceBusy),
    });
    errors.extend(faults.into_iter().map(|(_, reason)| ("NoKvm", ResourceError::NoKvm { reason })));
    errors
}

#[test]
fn seeds() {
    let errors = every!(SeedError {
        Invalid (Invalid::new("host name", "-web", "it starts with a dash")),
        AuthorizedKey { number: 2, reason: "it has a line break" },
        UserData (UserDataFault::Empty),
        CloudConfig { part: None, line: 3, column: 5, reason: text("did not find expected key") }
            | { part: Some(2), line: 3, column: 5, reason: text("did not find expected key") },
        Ignition { reason: text("it has no ignition.version") },
        TooLarge { bytes: 2_000_000, limit_bytes: 1_048_576 },
        Volume (file(denied()).source),
        Document { document: "user-data", source: not_json() },
    });
    let faults = every!(UserDataFault {
        Empty {},
        NotText {},
        ByteOrderMark {},
        UnknownKind {},
        BlanksBefore {},
        Packed {},
        NoBoundary {},
        NoParts { boundary: text("==x==") },
        Users {},
        UserEntry { number: 2 },
        UsersOfSeveralForms {},
        Groups {},
        LocksOut { key: "ssh_deletekeys", user: text("debian") },
        HostKey {},
        Keys { user: text("debian") },
    });
    let faults = faults.into_iter().map(|(name, fault)| (name, SeedError::UserData(fault)));
    check("seed", &[section("seed::Error", errors), section("UserDataFault", faults.collect())]);
}
