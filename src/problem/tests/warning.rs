use std::time::Duration;

use super::sample::{check, parsed, text, texts, web};
use crate::host::KvmFault;
use crate::libvirt::Version;
use crate::manager::{
    Already, Check, CheckStatus, ColdReason, Finding, FreezeFault, MachinePart, Membership, MemoryObstacle,
    PasstFault, QmpFolder, Setting, Settled, SnapshotLoss, Socket, Step, UserDataWarning, VirtiofsFault,
    Warning,
};
use crate::model::{DiskSize, MemorySize, MountDriver, SharedFolder};
use crate::problem::{doctor, event, warning};

#[test]
fn warnings() {
    let folder = |guest: &str, driver| SharedFolder {
        host: text("/srv/data"),
        tag: text("vmtools:0"),
        guest: text(guest),
        read_only: true,
        driver,
    };
    let folders = vec![folder("/data", MountDriver::Virtiofs), folder("/other", MountDriver::NineP)];
    let mut warnings = every!(Warning {
        ColdStart { vm: web(), reason: ColdReason::RestoreFailed },
        Emulation { reason: KvmFault::Denied },
        Unverified { image: text("./disk.qcow2") },
        Unchecked { image: text("debian-13"), reason: text("cannot reach https://example.org") },
        ReservationStays { reason: text("libvirt did not answer") },
        Hung {},
        MayLetGo { vm: web(), target: text("vdb") },
        MayGoOff { vm: web() },
        LeftOff { vm: web() },
        NewVmKept { vm: web() },
        PartlySet { vm: web(), done: vec![Setting::Cpus, Setting::DiskSize] },
        Hidden { vms: texts(&["web", "db"]) },
        CpusMany { wanted: 8, host: 1 },
        MemoryShort { wanted: MemorySize::from_mib(8192), available: MemorySize::from_mib(3000) },
        DiskShort { wanted: DiskSize::from_gib(100), available: DiskSize::from_gib(7) },
        NoPasst { reason: PasstFault::NotInstalled },
        NoVirtiofs { folder: text("/srv/data"), reason: VirtiofsFault::NotInstalled },
        NotMounted { vm: web(), folders },
        NoCloudInit { vm: web() },
        UserData (UserDataWarning::NoInterpreter { number: 2 }),
        SetupLeftOut { vm: web() },
        PasswordIgnored { vm: web() },
        IdentityKept { vm: web(), ignition: true } | { vm: web(), ignition: false },
        NotFrozen { vm: web(), reason: FreezeFault::NoAgent },
        StillFrozen { vm: web() },
        MemoryNotSaved { vm: web(), reason: MemoryObstacle::Mounts },
        SnapshotNotFrozen { vm: web(), reason: FreezeFault::NoAgent },
        NotInSnapshot { vm: web(), loss: SnapshotLoss::Firmware } | { vm: web(), loss: SnapshotLoss::Tpm },
        LeftPaused { vm: web() },
        ClockBehind { vm: web() },
        RevertSettled { vm: web(), snapshot: text("clean"), outcome: Settled::Reverted }
            | { vm: web(), snapshot: text("clean"), outcome: Settled::Unchanged }
            | { vm: web(), snapshot: text("clean"), outcome: Settled::Unknown },
        TpmLeftOut { vm: text("copy") },
        DisksLeftOut { of: text("./appliance.ova"), disks: texts(&["disk2.vmdk", "disk3.vmdk"]) },
        ImageUseUnknown { reason: text("cannot connect to libvirt at qemu:///system") },
        StoppedVms { count: 3 },
        ElsewhereVms { uri: parsed("qemu:///session"), count: 1 } | { uri: parsed("qemu:///session"), count: 2 },
    });
    let (needed, found) = (Version(10, 0, 0), Version(9, 0, 0));
    let faults = every!(PasstFault {
        NotInstalled {},
        Libvirt { needed, found },
        NoRoute {},
        Failed { message: text("passt exited with 1") },
    });
    warnings.extend(faults.into_iter().skip(1).map(|(_, reason)| ("NoPasst", Warning::NoPasst { reason })));
    let faults = every!(VirtiofsFault {
        NotInstalled {},
        Session { needed, found },
        NoSubordinateIds {},
        ReadOnly { needed, found },
        WritesAnyway {},
    });
    let by_9p = |reason| Warning::NoVirtiofs { folder: text("/srv/data"), reason };
    warnings.extend(faults.into_iter().skip(1).map(|(_, reason)| ("NoVirtiofs", by_9p(reason))));
    let faults = every!(FreezeFault {
        NoAgent {},
        Failed { reason: text("the guest agent refused guest-fsfreeze-freeze: busy") },
        TooShort { at_most: Duration::from_secs(10) },
    });
    let not_frozen = |reason| Warning::NotFrozen { vm: web(), reason };
    let of_snapshot = |reason| Warning::SnapshotNotFrozen { vm: web(), reason };
    for (_, reason) in faults.into_iter().skip(1) {
        warnings.push(("NotFrozen", not_frozen(reason.clone())));
        warnings.push(("SnapshotNotFrozen", of_snapshot(reason)));
    }
    let reasons = every!(ColdReason {
        NotStarted {},
        NotCloudInit {},
        Mounts {},
        Tpm {},
        Interfaces {},
        RemoteHost {},
        StoragePool {},
        NotPermitted {},
        NoState {},
        Busy {},
        BadState {},
        CopyFailed {},
        TimedOut {},
        RestoreFailed {},
        IdentityFailed {},
        Unreachable {},
    });
    let cold = |reason| Warning::ColdStart { vm: web(), reason };
    warnings.extend(reasons.into_iter().map(|(name, reason)| (name, cold(reason))));
    warnings.extend(of_user_data().into_iter().map(|(_, warning)| ("UserData", Warning::UserData(warning))));
    let lines = warnings.iter().map(|(name, value)| format!("{name}: {}\n", warning::text(value)));
    check("warning", &[lines.collect()]);
}

fn of_user_data() -> Vec<(&'static str, UserDataWarning)> {
    let user = || text("debian");
    every!(UserDataWarning {
        UnknownKey { key: text("pakages"), line: Some(3), nearest: Some("packages") }
            | { key: text("x"), line: None, nearest: None },
        UnknownPart { number: 2, content_type: text("text/x-other") },
        NoInterpreter { number: 2 },
        BrokenBoundary { line: 7 },
        TextBehindParts { line: 9 },
        SshdConfig { user: user(), path: text("/etc/ssh/sshd_config.d/x.conf"), directive: text("AllowUsers") },
        Shell { user: user(), shell: text("/bin/false") },
        PasswordExpires { user: user() },
    })
}

#[test]
fn what_goes_on() {
    let steps = every!(Step {
        ReplaceVm {},
        ClaimName {},
        MakeDisks {},
        CopyDisks {},
        CopyRunningDisks {},
        UploadBase {},
        AwaitUpload {},
        FlattenDisk {},
        FetchCopy {},
        Start {},
        PrepareGuest {},
        SaveState {},
        MergeOverlays {},
        GiveIdentity {},
        SnapshotMemory {},
        SnapshotDisks {},
        ConvertNvram {},
        Revert {},
        DeleteSnapshot {},
    });
    let already = every!(Already {
        Running {},
        ShutOff {},
        Paused {},
        Named {},
        Protected {},
        Unprotected {},
        QmpEnabled {},
        Attached {},
        AddressReserved {},
        NoReservation {},
        Active {},
        Inactive {},
        Autostarted {},
        NotAutostarted {},
        RemovedOnNextStart {},
        Set {},
        OfThatSize {},
        UpToDate {},
    });
    let steps = steps.into_iter().map(|(_, step)| format!("web: {}\n", event::step(step)));
    let already = already.into_iter().map(|(_, already)| event::already("web", already) + "\n");
    check("event", &[steps.collect(), already.collect()]);
}

#[test]
fn what_doctor_finds() {
    let reports = findings().into_iter().flat_map(|(name, finding)| {
        let report = |status| doctor::report(&Check { id: "id", status, finding: finding.clone() });
        let bad = report(CheckStatus::Failure);
        assert_eq!(report(CheckStatus::Ok).fix, None);
        [format!("{name}: {}\n", bad.detail), format!("  fix: {}\n", bad.fix.unwrap_or_default())]
    });
    check("doctor", &[text("# What fixes it is shown where the check does not pass.\n"), reports.collect()]);
}

fn findings() -> Vec<(&'static str, Finding)> {
    let path = || "/run/libvirt/libvirt-sock".into();
    let uri = || parsed("qemu:///system");
    let (error, version) = (|| text("cannot connect"), Version(9, 0, 0));
    let mut findings = every!(Finding {
        Tool { program: "virsh", path: Some("/usr/bin/virsh".into()) } | { program: "virsh", path: None },
        Libvirt { uri: uri(), daemon: version, client: version, qemu: Some(Version(7, 2, 0)), needed: None }
            | { uri: uri(), daemon: version, client: version, qemu: None, needed: Some(Version(9, 1, 0)) },
        NoLibvirt { uri: uri(), is_here: true, hangs: false, error: error() }
            | { uri: uri(), is_here: true, hangs: true, error: error() }
            | { uri: parsed("qemu:///session"), is_here: true, hangs: false, error: error() }
            | { uri: parsed("qemu+ssh://far/system"), is_here: false, hangs: false, error: error() },
        Kvm { fault: None, is_root: true },
        Group (Membership::Yes),
        Socket (Socket::Absent),
        Machine { present: vec![MachinePart::Efi, MachinePart::SecureBoot, MachinePart::Tpm], missing: vec![] }
            | { present: vec![MachinePart::Efi], missing: vec![MachinePart::SecureBoot, MachinePart::Tpm] },
        Network { name: text("default"), active: true, delay_seconds: 0, uri: uri() }
            | { name: text("default"), active: true, delay_seconds: 7, uri: uri() }
            | { name: text("default"), active: false, delay_seconds: 7, uri: uri() },
        OtherNetwork { spec: text("bridge=br0") },
        Pool { name: text("vmtools"), path: text("/srv"), free: DiskSize::from_gib(3), blocked: None }
            | { name: text("p"), path: text("/srv"), free: DiskSize::from_gib(3), blocked: Some(text("chmod o+x /")) },
        NoPoolYet { name: text("vmtools") },
        PoolFault { name: text("vmtools"), uri: uri(), error: text("the pool is not active") },
        Passt { fault: None } | { fault: Some(PasstFault::NotInstalled) } | { fault: Some(PasstFault::NoRoute) },
        Virtiofs { path: Some("/usr/libexec/virtiofsd".into()) } | { path: None },
        Qmp (QmpFolder::Usable("/run/vmtools".into())),
        NoRuntimeFolder {},
        Memory { available_mib: 500, total_mib: 16000 },
        Unknown { error: error() },
    });
    let faults = every!(KvmFault {
        NotADevice {},
        NoExtensions {},
        NoExtensionsNorDevice {},
        NoModule {},
        Denied {},
        Unusable (std::io::ErrorKind::ResourceBusy),
    });
    findings.extend(
        faults.into_iter().map(|(_, fault)| ("Kvm", Finding::Kvm { fault: Some(fault), is_root: false })),
    );
    let members = every!(Membership { Yes {}, AfterNewLogin {}, No {}, NoGroup {} });
    findings.extend(members.into_iter().skip(1).map(|(_, membership)| ("Group", Finding::Group(membership))));
    let sockets = every!(Socket {
        Reachable { path: path() },
        Denied { path: path() },
        Dead { path: path() },
        Absent {},
    });
    findings.extend(sockets.into_iter().take(3).map(|(_, socket)| ("Socket", Finding::Socket(socket))));
    let folders = every!(QmpFolder { Usable (path()), Missing (path()), NotWritable (path()) });
    findings.extend(folders.into_iter().skip(1).map(|(_, folder)| ("Qmp", Finding::Qmp(folder))));
    findings
}
