//! Disks and drives that come, grow and go.

use std::path::Path;

use super::support::{Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, own_volumes, said};

/// What the guest says the disk has, in bytes; 0 when it sees none.
fn seen(sandbox: &Sandbox, disk: &str) -> u64 {
    let script = format!("cat /sys/block/{disk}/size 2>/dev/null || echo 0");
    let run = sandbox.vmtools(&["ssh", "web", "--", &script]).run().success();
    run.stdout.trim().parse::<u64>().unwrap() * 512
}

#[test]
fn disks_come_grow_and_go_while_the_guest_runs() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    let before = own_volumes(&sandbox);

    let added = vmtools(&["disk", "add", "web", "1", "--json"]).success().json();
    assert_eq!((added["target"].as_str(), added["live"].as_bool()), (Some("vdc"), Some(true)), "{added}");
    assert_eq!((added["capacity_bytes"].as_u64(), added["owned"].as_bool()), (Some(1 << 30), Some(true)));
    wait_for("the guest to see the disk", MINUTE, || (seen(&sandbox, "vdc") == 1 << 30).then_some(()));
    vmtools(&["disk", "resize", "web", "vdc", "2"]).success();
    wait_for("the guest to see its size", MINUTE, || (seen(&sandbox, "vdc") == 2 << 30).then_some(()));
    vmtools(&["disk", "resize", "web", "vdc", "2"]).success().stderr_has("already");
    vmtools(&["disk", "resize", "web", "vdc", "1"]).code(11).stderr_has("only grow");
    vmtools(&["disk", "resize", "web", "vdx", "9"]).code(3).stderr_has("disk list web");
    vmtools(&["disk", "resize", "web", "vdb", "9"]).code(3).stderr_has("vdb of the VM web is the seed");

    let extra = sandbox.tmp().join("own.qcow2");
    let extra = extra.to_str().unwrap();
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", extra, "64M"]);
    let own = vmtools(&["disk", "add", "web", "--file", extra, "--json"]).success().json();
    assert_eq!((own["target"].as_str(), own["owned"].as_bool()), (Some("vdd"), Some(false)), "{own}");
    vmtools(&["disk", "add", "web", "--file", extra]).code(11).stderr_has("needed by the VM web");
    let listed = vmtools(&["disk", "list", "web"]).success();
    assert_eq!(listed.lines().len(), 5, "{listed}");

    vmtools(&["disk", "remove", "web", "vda"]).code(2).stderr_has("delete web");
    vmtools(&["disk", "remove", "web", "vdb"]).code(2).stderr_has("is configured by it");
    vmtools(&["disk", "remove", "web", "vdc"]).code(2).stderr_has("--keep");
    vmtools(&["disk", "remove", "web", "vdd"]).success();
    vmtools(&["disk", "remove", "web", "vdc", "--yes"]).success().stdout_has("deleted");
    assert_eq!(seen(&sandbox, "vdc") + seen(&sandbox, "vdd"), 0);
    assert!(Path::new(extra).is_file());
    assert_eq!(own_volumes(&sandbox), before);

    // Off: the definition alone.
    vmtools(&["stop", "web"]).success();
    vmtools(&["disk", "add", "web", "1"]).success().stdout_has("vdc");
    vmtools(&["disk", "resize", "web", "vda", "3"]).success();
    vmtools(&["start", "web", "--wait"]).success();
    assert_eq!((seen(&sandbox, "vda"), seen(&sandbox, "vdc")), (3 << 30, 1 << 30));
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

#[test]
fn an_iso_is_put_in_and_taken_out() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let isos = ["one.iso", "two.iso"].map(|name| sandbox.tmp().join(name));
    for iso in &isos {
        std::fs::write(iso, vec![0; 1 << 20]).unwrap();
    }
    let [one, two] = [&isos[0], &isos[1]].map(|iso| iso.to_str().unwrap());
    let medium = || {
        let disks = vmtools(&["disk", "list", "web", "--json"]).success().json();
        let drive = disks.as_array().unwrap().iter().find(|disk| disk["target"] == "sda").cloned();
        drive.map(|drive| drive["path"].as_str().map(str::to_owned))
    };
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    vmtools(&["disk", "eject", "web"]).code(5).stderr_has("disk insert web");
    vmtools(&["disk", "insert", "web", "none.iso"]).code(3);
    let disk = image.to_str().unwrap();
    vmtools(&["disk", "insert", "web", disk]).code(2).stderr_has("a qcow2 image, not an ISO image");
    vmtools(&["disk", "insert", "web", one]).success().stderr_has("next start");
    assert!(!sandbox.virsh(&["domblklist", "web"]).stdout.contains(one));
    // The drive of the next start is the one, and no other is added.
    vmtools(&["disk", "insert", "web", two]).success().stdout_has("sda").stderr_has("next start");
    assert_eq!(medium(), Some(Some(two.to_owned())));
    vmtools(&["disk", "eject", "web"]).success().stdout_has("sda is now empty").stderr_has("next start");
    assert_eq!(medium(), Some(None));
    vmtools(&["disk", "insert", "web", one]).success().stdout_has("sda");
    assert!(!sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout.contains("'sdb'"));
    vmtools(&["stop", "web"]).success();
    // While the guest boots, libvirt 12.8 with QEMU 11.1 fails half of the changes: "Tray of device .. is not open".
    vmtools(&["start", "web", "--wait"]).success();
    assert_eq!(medium(), Some(Some(one.to_owned())));
    vmtools(&["disk", "insert", "web", two]).success();
    assert_eq!(medium(), Some(Some(two.to_owned())));
    vmtools(&["disk", "eject", "web"]).success();
    assert_eq!(medium(), Some(None));
    let stored = || sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
    assert!(!stored().contains(two) && stored().contains("'sda'"), "in the definition too");
    // What is no disk, and what is no drive, is called what it is.
    vmtools(&["disk", "resize", "web", "sda", "9"]).code(3).stderr_has("sda of the VM web is a CD-ROM drive");
    vmtools(&["disk", "insert", "web", one, "--target", "vda"])
        .code(3)
        .stderr_has("vda of the VM web is a hard disk");
    vmtools(&["disk", "eject", "web", "--target", "vdx"]).code(3).stderr_has("has no disk vdx");
    // No guest can release a SATA drive while it runs.
    vmtools(&["disk", "remove", "web", "sda"]).success().stderr_has("web keeps sda until it shuts down");
    vmtools(&["disk", "remove", "web", "sda"]).success().stderr_has("will already be removed");
    assert_eq!(medium(), Some(None));
    assert!(!stored().contains("'sda'"), "{}", stored());
    vmtools(&["stop", "--force", "web"]).success();
    assert_eq!(medium(), None);
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

#[test]
fn no_file_is_lost_or_written_by_two() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &[]).run().success();
    // A disk that was kept is in nobody's way, and stays.
    let kept = vmtools(&["disk", "add", "web", "1", "--json"]).success().json()["path"].clone();
    let kept = kept.as_str().unwrap().to_owned();
    vmtools(&["disk", "remove", "web", "vdc", "--keep"]).success();
    vmtools(&["disk", "add", "web", "1"]).success().stdout_has("vdc");
    assert!(sandbox.volumes().contains(&kept), "{kept}");

    // Two at once both come about.
    let adding = [(); 2].map(|()| sandbox.vmtools(&["disk", "add", "web", "1"]).spawn());
    for running in adding {
        running.wait(MINUTE).success();
    }
    let shown = sandbox.virsh(&["domblklist", "web"]).stdout;
    let attached: Vec<&str> = shown.split_whitespace().filter(|word| word.starts_with('/')).collect();
    assert_eq!(attached.len(), 5, "{shown}");
    for path in attached {
        assert!(sandbox.volumes().iter().any(|volume| volume == path), "{path} is attached, and gone");
    }
    let listed = vmtools(&["disk", "list", "web", "--json"]).success().json();
    let owned = listed.as_array().unwrap().iter().filter(|disk| disk["owned"] == true);
    assert_eq!(owned.count(), 5, "{listed}");

    // What others stand on, or use by another name, is not given away to be written.
    super::define_empty(&sandbox, &["other"]);
    let is_base = |path: &String| path.contains("/vmtools-base-") && path.ends_with(".qcow2");
    let base = sandbox.volumes().into_iter().find(is_base).unwrap();
    vmtools(&["disk", "add", "other", "--file", &base]).code(11);
    let own = sandbox.tmp().join("own.raw");
    std::fs::write(&own, vec![7; 1 << 20]).unwrap();
    let (own, link) = (own.to_str().unwrap(), sandbox.tmp().join("link.raw"));
    std::os::unix::fs::symlink(own, &link).unwrap();
    let link = link.to_str().unwrap();
    vmtools(&["disk", "add", "other", "--file", own]).success();
    vmtools(&["disk", "add", "web", "--file", link]).code(11).stderr_has("the VM other");

    // A disk that a clone stands on stays.
    vmtools(&["disk", "remove", "web", "vde", "--yes"]).success();
    vmtools(&["clone", "web", "kid", "--linked"]).success();
    vmtools(&["disk", "remove", "web", "vdd", "--yes"]).code(11).stderr_has("the VM kid");
    // Changes of the record at once: all of them count.
    let labels =
        ["a=1", "b=2", "c=3"].map(|label| sandbox.vmtools(&["set", "web", "--label", label]).spawn());
    for running in labels {
        running.wait(MINUTE).success();
    }
    let set = vmtools(&["status", "web", "--json"]).success().json()["labels"].clone();
    assert_eq!(set, serde_json::json!({"a": "1", "b": "2", "c": "3"}));
    vmtools(&["delete", "--yes", "web", "kid"]).success();
    assert!(std::path::Path::new(own).is_file() && sandbox.volumes().contains(&kept));
}

/// A guest that is held lets go of nothing. What others do meanwhile counts when it does.
#[test]
fn what_comes_while_a_disk_is_being_removed_counts() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start", "--wait", "--ttl", "1h"]).run().success();
    let disk = vmtools(&["disk", "add", "web", "1", "--json"]).success().json()["path"].clone();
    let disk = disk.as_str().unwrap();
    wait_for("the guest to see the disk", MINUTE, || (seen(&sandbox, "vdc") > 0).then_some(()));
    sandbox.virsh(&["suspend", "web"]);
    let remove = ["-v", "disk", "remove", "web", "vdc", "--yes", "--timeout", "60s"];
    let mut running = sandbox.vmtools(&remove).spawn();
    said(&mut running, "detach-disk");
    vmtools(&["set", "web", "--ttl", "none", "--label", "kept=yes"]).success();
    let overlay = format!("{}.foreign", disk);
    // The disk is locked by its guest: its size is told, and it isn't opened.
    let made = ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", disk, "-F", "qcow2", &overlay, "1G"];
    sandbox.exec(&made);
    sandbox.virsh(&["resume", "web"]);
    running.wait(MINUTE * 2).code(11).stderr_has("needed by").stderr_has(disk);
    assert!(sandbox.volumes().iter().any(|path| path == disk), "{disk}");
    assert_eq!(seen(&sandbox, "vdc"), 0);
    let web = vmtools(&["status", "web", "--json"]).success().json();
    assert_eq!((&web["labels"]["kept"], &web["ttl_expires"]), (&"yes".into(), &serde_json::Value::Null));

    // It is the VM's own still, and goes with it.
    sandbox.exec(&["rm", &overlay]);
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}
