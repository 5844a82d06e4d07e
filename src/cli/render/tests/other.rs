use super::{ODD, check, past, text, texts};
use crate::cli::render::{
    Overview, XmlDocument, checks, delete_plans, deleted, garbage, overview, plan, published, xml_document,
};
use crate::manager::{
    CheckStatus, ColdReason, DeletePlan, DeleteReason, Deleted, FileDeletion, Garbage, KeepReason, KeptFile,
    Plan, Reason,
};
use crate::model::{
    Firmware, InterfaceSpec, MountDriver, NetworkSpec, PortPublish, Protocol, SharedFolder, Uuid,
};
use crate::problem::doctor::CheckReport;

fn kept() -> Vec<KeptFile> {
    let reasons = [
        KeepReason::Base,
        KeepReason::Parent,
        KeepReason::Disc,
        KeepReason::Shared,
        KeepReason::ReadOnly,
        KeepReason::Needed,
        KeepReason::Foreign,
        KeepReason::Elsewhere,
        KeepReason::NotInPool,
        KeepReason::Asked,
        KeepReason::Output,
    ];
    reasons.into_iter().map(|why| KeptFile { path: text("/srv/kept"), why }).collect()
}

fn going() -> DeletePlan {
    let mut plan = DeletePlan::of_nothing("web");
    plan.running = true;
    let file = |path: &str, size_bytes, why| FileDeletion { path: text(path), size_bytes, why };
    plan.files = vec![
        file("/srv/web.qcow2", Some(1_700_000_000), DeleteReason::Own),
        file("/srv/web_VARS.fd", Some(540_672), DeleteReason::Nvram),
        file("/srv/web.snap1", None, DeleteReason::Snapshot),
        file(ODD, Some(0), DeleteReason::Foreign),
    ];
    (plan.state, plan.snapshots, plan.kept) =
        (vec!["tpm", "managed_save", "checkpoints"], texts(&["s1", ODD]), kept());
    plan
}

#[test]
fn deletions() {
    let plans = [going(), DeletePlan::of_nothing(ODD)];
    let gone = |name: &str, foreign: &[&str], stays| {
        let (deleted, kept) = (Vec::new(), Vec::new());
        Deleted { name: text(name), uuid: Uuid::nil(), deleted, kept, foreign: texts(foreign), stays }
    };
    check(
        "delete",
        &[
            ("delete --dry-run", delete_plans(&plans, false)),
            ("delete --dry-run --force", delete_plans(&plans[..1], true)),
            ("delete", deleted(&gone("web", &["/srv/foreign.qcow2"], kept()))),
            ("delete: all", deleted(&gone(ODD, &[], Vec::new()))),
        ],
    );
}

fn small() -> Plan {
    Plan {
        name: text("web"),
        replaces: None,
        uri: text("qemu:///session"),
        image: None,
        cdroms: Vec::new(),
        image_cached: None,
        memory_mib: 1500,
        max_memory_mib: 1500,
        cpus: 1,
        max_cpus: 1,
        disk_size_bytes: 20 << 30,
        accel: "tcg",
        firmware: Firmware::Bios,
        networks: vec![InterfaceSpec::from(NetworkSpec::User)],
        networks_to_start: Vec::new(),
        publish: Vec::new(),
        mounts: Vec::new(),
        pool: text("vmtools"),
        pool_is_new: false,
        start: false,
        warm: None,
        warm_reason: None,
        files: Vec::new(),
        xml: String::new(),
    }
}

#[test]
fn creates() {
    let folder = |read_only| SharedFolder {
        host: text("/srv/data"),
        tag: text("vmtools:0"),
        guest: text("/data"),
        read_only,
        driver: MountDriver::NineP,
    };
    let interfaces = ["default,mac=52:54:00:00:00:01,model=e1000", "bridge=br0", "none"];
    let large = Plan {
        replaces: Some(going()),
        uri: text("qemu:///system"),
        image: Some(text("debian-13")),
        image_cached: Some(false),
        cdroms: texts(&["/srv/install.iso", ODD]),
        max_memory_mib: 8192,
        memory_mib: 2048,
        cpus: 2,
        max_cpus: 8,
        accel: "kvm",
        firmware: Firmware::EfiSecure,
        networks: interfaces.map(super::parsed).into(),
        networks_to_start: texts(&["default"]),
        publish: texts(&["8080:80"]),
        mounts: vec![folder(true), folder(false)],
        pool_is_new: true,
        start: true,
        warm: Some(true),
        files: texts(&["/srv/web.qcow2", "/srv/web-seed.img"]),
        ..small()
    };
    let cached = Plan { image: Some(text("./disk.qcow2")), image_cached: Some(true), ..small() };
    let reason = Some(ColdReason::NoState);
    let cold = Plan { start: true, warm: Some(false), warm_reason: reason, ..small() };
    let port = |host, guest, protocol| published(&PortPublish { host, guest, protocol }) + "\n";
    check(
        "create",
        &[
            ("create --dry-run", plan(&large)),
            ("create --dry-run: little", plan(&small())),
            ("create --dry-run: an image that is here", plan(&cached)),
            ("create --warm --dry-run: no state", plan(&cold)),
            ("published ports", port(8080, 80, Protocol::Tcp) + &port(5353, 53, Protocol::Udp)),
            ("create --print-xml", xml_document(&XmlDocument::new("web", text("<domain>\n</domain>")))),
        ],
    );
}

#[test]
fn leftovers() {
    let reasons = [
        Reason::Unfinished,
        Reason::Expired,
        Reason::BrokenUpload,
        Reason::BrokenDownload,
        Reason::BrokenCommit,
        Reason::BrokenImport,
        Reason::ForgottenPool,
        Reason::Orphan,
        Reason::StaleSocket,
        Reason::ForkOverlay,
        Reason::ExpiredSnapshot,
        Reason::UnfinishedSnapshot,
        Reason::UnfinishedRevert,
        Reason::BrokenWrite,
    ];
    let files = ["/srv/web".into(), "/srv/web-seed.img".into()];
    let of = |dry_run| -> String {
        let items = reasons.into_iter().map(|reason| Garbage::sample("web", reason, &files, None));
        items.map(|item| garbage(&item, dry_run)).collect()
    };
    let later = Garbage::sample(ODD, Reason::BrokenUpload, &[], Some(past()));
    check("gc", &[("gc", of(false)), ("gc --dry-run", of(true)), ("gc: not yet", garbage(&later, false))]);
}

#[test]
fn reports() {
    let report = |id, status, detail: &str, fix: Option<&str>| CheckReport {
        id,
        status,
        detail: text(detail),
        fix: fix.map(text),
    };
    let reports = [
        report("virsh", CheckStatus::Ok, "/usr/bin/virsh", None),
        report("kvm", CheckStatus::Warning, "there is no /dev/kvm", Some("enable virtualization")),
        report("libvirt", CheckStatus::Failure, ODD, Some("sudo systemctl start libvirtd")),
    ];
    check("doctor", &[("doctor", checks(&reports))]);
}

#[test]
fn overviews() {
    let of = |running: &[&str], stopped: &[&str], error: Option<&str>| {
        overview(&Overview {
            version: "1.2.3",
            uri: text("qemu:///system"),
            libvirt_error: error.map(text),
            vm_count: (running.len() + stopped.len()) as u64,
            running: texts(running),
            stopped: texts(stopped),
            image_count: 1,
        })
    };
    let pages = [
        ("no VM", of(&[], &[], None)),
        ("some run", of(&["my web"], &["db"], None)),
        ("none runs", of(&[], &["db"], None)),
        ("no libvirt", of(&[], &[], Some("cannot connect to libvirt at qemu:///system"))),
    ];
    assert!(pages.iter().all(|(_, page)| page.lines().count() <= 10));
    check("overview", &pages);
}
