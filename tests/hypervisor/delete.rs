//! What goes with a VM, and what never does.

use std::collections::BTreeMap;

use super::support::{Run, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, own_volumes, said, unbootable_image};

/// The hashes of the files, as they are now.
fn hashes(sandbox: &Sandbox, files: &[&str]) -> BTreeMap<String, String> {
    let listed = sandbox.as_root("sha256sum", files).run().success().lines();
    let pair = |line: &String| line.split_once("  ").map(|(hash, file)| (file.to_owned(), hash.to_owned()));
    listed.iter().filter_map(pair).collect()
}

/// The reasons in a plan by file.
fn reasons(plan: &serde_json::Value, field: &str) -> BTreeMap<String, String> {
    let files = plan[field].as_array().unwrap().iter();
    let word = |file: &serde_json::Value, key: &str| file[key].as_str().unwrap().to_owned();
    files.map(|file| (word(file, "path"), word(file, "why"))).collect()
}

fn define(sandbox: &Sandbox, name: &str, disks: &str) {
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{disks}</devices></domain>"
    );
    let file = sandbox.tmp().join(format!("{name}.xml"));
    std::fs::write(&file, xml).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
}

#[test]
fn only_what_was_made_for_it_goes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--firmware", "efi", "--start"]).run().success();
    let pool = "/var/lib/libvirt/images/vmtools";
    let base = sandbox.volumes().into_iter().find(|path| path.ends_with(".qcow2") && path.contains("-base-"));
    let base = base.unwrap();
    let outside = sandbox.root().join("images/outside.raw");
    let (iso, shared, foreign) =
        (format!("{pool}/a.iso"), format!("{pool}/shared.raw"), format!("{pool}/foreign.raw"));
    let files = [&iso, &shared, &foreign, outside.to_str().unwrap()];
    for file in files {
        sandbox.as_root("sh", &["-c", "head -c 1M /dev/urandom >\"$0\"", file]).run().success();
    }
    let attach = |file: &str, target: &str, more: &[&str]| {
        let words = ["attach-disk", "web", file, target, "--config", "--subdriver", "raw"];
        sandbox.virsh(&[&words[..], more].concat());
    };
    attach(&iso, "sda", &["--type", "cdrom", "--mode", "readonly"]);
    attach(&shared, "vdc", &["--mode", "shareable"]);
    attach(&foreign, "vdd", &[]);
    attach(outside.to_str().unwrap(), "vde", &[]);
    let before = hashes(&sandbox, &[&files[..], &[base.as_str()]].concat());
    // As virtlogd names the older pieces of a serial log, and others don't.
    let log = own_volumes(&sandbox).into_iter().find(|path| path.ends_with(".log")).unwrap();
    let beside = [".x", ".0.old"].map(|ending| format!("{log}{ending}"));
    let pieces = [".0", ".12"].map(|ending| format!("{log}{ending}"));
    let words: Vec<&str> = beside.iter().chain(&pieces).map(String::as_str).collect();
    sandbox.as_root("touch", &words).run().success();

    vmtools(&["delete", "--yes", "web"]).code(5).stderr_has("--force");
    assert_eq!(sandbox.state("web"), "running");
    sandbox.virsh(&["managedsave", "web"]);
    let plan = vmtools(&["delete", "web", "--dry-run", "--json"]).success().json();
    assert_eq!(plan["state"], serde_json::json!(["managed_save"]), "{plan}");
    let going = reasons(&plan, "files");
    // libvirt 9.0 makes the firmware's variables, and stores no path of them; they go all the same.
    let nvram = super::nvram_of(&sandbox, "web").unwrap_or("/var/lib/libvirt/qemu/nvram/web_VARS.fd".into());
    let own = 5 + usize::from(nvram.starts_with(pool));
    assert_eq!(going.values().filter(|why| *why == "own").count(), own, "{plan}");
    assert!(pieces.iter().all(|piece| going[piece] == "own"), "{plan}");
    sandbox.as_root("test", &["-e", nvram.as_str()]).run().success();
    let stored = super::nvram_of(&sandbox, "web").is_some();
    assert_eq!(going.contains_key(&nvram), stored, "{plan}");
    assert!(plan["files"][0]["size_bytes"].as_u64().unwrap() > 0, "{plan}");
    let staying = reasons(&plan, "kept");
    let expected = [
        (&iso, "disc"),
        (&shared, "shared"),
        (&foreign, "foreign"),
        (&base, "base"),
        (&files[3].into(), "foreign"),
    ];
    for (file, why) in expected {
        assert_eq!(staying[file], why, "{plan}");
    }
    vmtools(&["delete", "web", "--dry-run"]).success().stdout_has("keeping").stdout_has("saved memory");
    vmtools(&["delete", "--force", "web", "--with-foreign-disks"]).code(2).stderr_has("--yes");
    let plan = vmtools(&["delete", "web", "--dry-run", "--json", "--with-foreign-disks"]).success().json();
    assert_eq!(reasons(&plan, "files")[&foreign], "foreign", "{plan}");
    assert_eq!(reasons(&plan, "kept")[files[3]], "not_in_pool", "{plan}");

    // Somebody else's disk now stands on the foreign one.
    let overlay = format!("{pool}/overlay.qcow2");
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", "-b", &foreign, "-F", "raw", &overlay]);
    vmtools(&["delete", "web", "--yes", "--with-foreign-disks"]).success();
    assert_eq!(hashes(&sandbox, &[&files[..], &[base.as_str()]].concat()), before);
    let gone = sandbox.as_root("ls", &[nvram.as_str(), "/var/lib/libvirt/qemu/save/web.save"]).run();
    assert!(gone.stdout.is_empty(), "{gone}");
    let mut left = own_volumes(&sandbox);
    left.retain(|path| !files.contains(&path.as_str()) && *path != overlay);
    left.sort_by_key(|path| beside.iter().position(|other| other == path));
    assert_eq!(left, beside);
    assert_eq!(sandbox.domains(), Vec::<String>::new());
}

#[test]
fn a_disk_that_another_stands_on_goes_after_it_or_stays() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "low", &image, &[]).run().success();
    let disk = own_volumes(&sandbox).into_iter().find(|path| path.ends_with(".qcow2")).unwrap();
    let before = hashes(&sandbox, &[&disk]);
    let overlay = "/var/lib/libvirt/images/vmtools/over.qcow2";
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", "-b", &disk, "-F", "qcow2", overlay]);
    let disk_xml = format!(
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{overlay}'/>\
         <target dev='vda'/></disk>"
    );
    define(&sandbox, "high", &disk_xml);
    let refused = vmtools(&["delete", "--yes", "low", "--json"]).code(11);
    assert!(refused.json_error()["message"].as_str().unwrap().contains("the VM high"), "{refused}");
    // It is not vmtools' to remove, and so what is below it stays.
    vmtools(&["delete", "--yes", "low", "high"]).code(10).stderr_has("over.qcow2");
    assert_eq!(sandbox.domains(), ["low"]);
    assert_eq!(hashes(&sandbox, &[&disk]), before);
    define(&sandbox, "high", &disk_xml);
    let gone = vmtools(&["delete", "--yes", "--with-foreign-disks", "low", "high"]).success();
    // The disk that is not vmtools' own is named.
    assert_eq!(gone.lines(), ["deleted high", &format!("with {overlay}"), "deleted low"]);
    nothing_is_left(&sandbox);

    // A copy of vmtools' record is no claim to what it names.
    create(&sandbox, "web", &image, &["--ttl", "1s"]).run().success();
    let xml = sandbox.virsh(&["dumpxml", "web"]).stdout.replace("<name>web<", "<name>twin<");
    let uuid = xml.split("<uuid>").nth(1).unwrap().split('<').next().unwrap();
    let xml = xml.replace(&format!("<uuid>{uuid}<"), "<uuid>00000000-0000-4000-8000-000000000001<");
    let (before, after) = xml.split_once("<vmtools:expires>").unwrap();
    let xml = format!("{before}{}", after.split_once("</vmtools:expires>").unwrap().1);
    let file = sandbox.tmp().join("twin.xml");
    std::fs::write(&file, xml.replace(uuid, "other")).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
    let files = own_volumes(&sandbox);
    wait_for("the end of its time", MINUTE, || {
        sandbox.vmtools(&["gc", "--dry-run"]).run().stdout.contains("web").then_some(())
    });
    vmtools(&["gc"]).code(11).stderr_has("needed by the VM twin");
    vmtools(&["delete", "--yes", "twin"]).success();
    assert_eq!((own_volumes(&sandbox), sandbox.domains()), (files, vec!["web".to_owned()]));
    let delete = || sandbox.vmtools(&["delete", "--yes", "web"]).spawn();
    let runs: [Run; 2] = [delete(), delete()].map(|running| running.wait(MINUTE));
    let mut codes = [&runs[0], &runs[1]].map(|run| run.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(3)], "{}\n{}", runs[0], runs[1]);
    nothing_is_left(&sandbox);
}

#[test]
fn a_daemon_that_is_restarted_during_a_delete_loses_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let names = ["ci-1", "ci-2", "ci-3", "ci-4", "ci-5", "ci-6"];
    let foreign = sandbox.root().join("images/foreign.raw");
    let foreign = foreign.to_str().unwrap();
    sandbox.as_root("sh", &["-c", "head -c 1M /dev/urandom >\"$0\"", foreign]).run().success();
    for step in ["destroy", "vol-delete", "undefine"] {
        create(&sandbox, "ci", &image, &["--count", "6"]).run().success();
        sandbox.vmtools(&["start", "ci-1", "ci-4"]).run().success();
        for name in ["ci-2", "ci-4"] {
            let attach = ["attach-disk", name, foreign, "vdd", "--config", "--subdriver", "raw", "--mode"];
            sandbox.virsh(&[&attach[..], &["shareable"]].concat());
        }
        let base = sandbox.volumes().into_iter().find(|path| path.contains("-base-")).unwrap();
        let staying = [foreign, &base, image.to_str().unwrap()];
        let before = hashes(&sandbox, &staying);
        let all = own_volumes(&sandbox);
        let of =
            |name: &str| all.iter().filter(|path| path.contains(&format!("/{name}-"))).collect::<Vec<_>>();

        let force = [&["delete", "--force", "--if-exists", "-v"][..], &names].concat();
        let mut deleting = sandbox.vmtools(&force).spawn();
        said(&mut deleting, step);
        // Held, so that the daemon's end comes between two of its calls, or in the midst of one.
        deleting.pause();
        sandbox.libvirtd_kill();
        deleting.go_on();
        sandbox.libvirtd_start();
        let run = deleting.wait(MINUTE);
        let (domains, volumes) = (sandbox.domains(), own_volumes(&sandbox));
        for name in names {
            let there = of(name).into_iter().filter(|path| volumes.contains(path)).count();
            let whole = match domains.iter().any(|domain| domain == name) {
                true => there == of(name).len(),
                false => there == 0,
            };
            assert!(whole || run.stderr.contains(name), "{step}: {name} has {there} files left: {run}");
        }
        assert_eq!(run.status.success(), domains.is_empty(), "{step}: {run}");
        assert_eq!(hashes(&sandbox, &staying), before, "{step}: {run}");
        sandbox.vmtools(&force).run().success();
        nothing_is_left(&sandbox);
        assert_eq!(hashes(&sandbox, &staying), before, "{step}");
    }
}
