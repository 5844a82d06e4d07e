//! Clones: whole, linked, of running sources, of others' VMs; and what their sources keep.

use std::path::Path;

use super::support::{Run, Sandbox, is_thorough, sandbox_or_skip};
use super::{MINUTE, as_member, create, nothing_is_left, own_volumes, said, word};

/// The hashes of a VM's own disk and of the bases.
fn hashes(sandbox: &Sandbox, vm: &str) -> Vec<String> {
    let mut files = sandbox.volumes();
    files.retain(|path| {
        (path.contains(&format!("/{vm}-")) || path.contains("-base-")) && path.ends_with(".qcow2")
    });
    assert!(files.len() >= 2, "{files:?}");
    sandbox.as_root("sha256sum", &files).run().success().lines()
}

fn disk(run: &Run) -> serde_json::Value {
    run.json()["disks"][0].clone()
}

#[test]
fn a_systems_clones_from_full_to_linked() {
    life(&sandbox_or_skip!(Sandbox::system()));
}

#[test]
fn a_sessions_clones_from_full_to_linked() {
    // As the system's, but for who owns what; a session's life is tested in lifecycle.rs.
    if !is_thorough() {
        return;
    }
    life(&sandbox_or_skip!(Sandbox::session()));
}

fn life(sandbox: &Sandbox) {
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let made = create(sandbox, "web", &image, &["-l", "a=b", "--start", "--wait", "--json"]).run().success();
    vmtools(&["ssh", "web", "--", "echo kept >/data/file && sync"]).success();
    let refused = vmtools(&["clone", "web", "twin", "--json"]).code(5);
    assert!(refused.json_error()["hint"].as_str().unwrap().contains("--live"), "{refused}");
    vmtools(&["stop", "web"]).success();
    let before = hashes(sandbox, "web");

    let twin = vmtools(&["clone", "web", "twin", "--start", "--wait", "--json"]).success();
    assert_eq!(hashes(sandbox, "web"), before);
    assert_eq!((word(&twin, "name"), word(&twin, "state")), ("twin".into(), "running".into()));
    assert_eq!(twin.json()["labels"], made.json()["labels"]);
    for field in ["uuid", "serial_log"] {
        assert_ne!(word(&twin, field), word(&made, field), "{twin}");
    }
    assert_ne!(twin.json()["interfaces"][0]["mac"], made.json()["interfaces"][0]["mac"], "{twin}");
    assert!(disk(&twin)["owned"] == true && disk(&twin)["path"] != disk(&made)["path"], "{twin}");
    assert_eq!(disk(&twin)["backing"], disk(&made)["backing"], "{twin}");
    vmtools(&["clone", "web", "twin"]).code(4).stderr_has("another name");
    // Side by side, each by an address of its own.
    let web = vmtools(&["start", "web", "--wait", "--json"]).success();
    let reach = |run: &Run| (run.json()["ips"][0].clone(), run.json()["ssh"]["port"].clone());
    assert_ne!(reach(&web), reach(&twin));
    assert_eq!(vmtools(&["ssh", "twin", "--", "cat /data/file; hostname"]).success().stdout, "kept\ntwin\n");
    assert_eq!(vmtools(&["ssh", "web", "--", "cat /data/file; hostname"]).success().stdout, "kept\nweb\n");
    vmtools(&["stop", "--force", "web"]).success();

    let before = hashes(sandbox, "web");
    let linked = vmtools(&["clone", "web", "low", "--linked", "--count", "2", "--json"]).success();
    let low = &linked.json()[0];
    assert_eq!(
        (&low["parent"], &low["disks"][0]["backing"]),
        (&"web".into(), &disk(&made)["path"]),
        "{linked}"
    );
    // Both kinds of overlays take no more than what is written to them.
    for overlay in [&disk(&made)["path"], &low["disks"][0]["path"]] {
        let info = sandbox.as_root("qemu-img", &["info", "-U", "--output=json", overlay.as_str().unwrap()]);
        assert_eq!(info.run().success().json()["format-specific"]["data"]["extended-l2"], true);
    }
    assert_eq!(
        vmtools(&["status", "web", "--json"]).success().json()["children"],
        serde_json::json!(["low-1", "low-2"])
    );
    vmtools(&["start", "web"]).code(5).stderr_has("low-1, low-2").stderr_has("hint: ");
    vmtools(&["set", "web", "-d", "2"]).code(5).stderr_has("low-1, low-2");
    vmtools(&["disk", "resize", "web", "vda", "2"]).code(5).stderr_has("low-1, low-2");
    let plan = vmtools(&["delete", "low-1", "--dry-run"]).success();
    assert!(plan.stdout.contains("(disk of the VM it is cloned from)"), "{plan}");
    vmtools(&["delete", "--yes", "web", "low-1"]).code(10).stderr_has("the VM low-2");
    assert_eq!(sandbox.domains(), ["low-2", "twin", "web"]);
    vmtools(&["start", "low-2", "--wait"]).success();
    vmtools(&["ssh", "low-2", "--", "cat /data/file && echo more >/data/file && sync"]).success();
    assert_eq!(hashes(sandbox, "web"), before);
    vmtools(&["delete", "--force", "web", "low-2"]).success();
    assert_eq!(sandbox.domains(), ["twin"]);
    vmtools(&["ssh", "twin", "--", "grep kept /data/file"]).success();
    vmtools(&["delete", "--force", "twin"]).success();
    nothing_is_left(sandbox);
}

/// A VM that vmtools did not make, on UEFI, with a raw disk in no pool, one that it shares, and an ISO.
pub fn theirs(sandbox: &Sandbox, image: &Path) -> [String; 3] {
    let place = |name: &str| sandbox.root().join("images").join(name).to_str().unwrap().to_owned();
    let files = [place("theirs.raw"), place("shared.raw"), place("some.iso")];
    let (from, to) = (image.to_str().unwrap(), files[0].as_str());
    sandbox.exec(&["qemu-img", "convert", "-f", "qcow2", "-O", "raw", from, to]);
    for file in &files[1..] {
        sandbox.as_root("sh", &["-c", "head -c 1M /dev/urandom >\"$0\"", file]).run().success();
    }
    let disk = |file: &str, target: &str, more: &str| {
        let device = if target == "sda" { "cdrom" } else { "disk" };
        format!(
            "<disk type='file' device='{device}'><driver name='qemu' type='raw'/><source file='{file}'/>\
             <target dev='{target}'/>{more}</disk>"
        )
    };
    let xml = format!(
        "<domain type='qemu'><name>theirs</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>\
         <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices>{}{}{}\
         <interface type='network'><source network='default'/></interface>\
         <graphics type='vnc' port='5977' autoport='no'/></devices></domain>",
        disk(&files[0], "vda", ""),
        disk(&files[1], "vdb", "<shareable/>"),
        disk(&files[2], "sda", "<readonly/>"),
    );
    let file = sandbox.tmp().join("theirs.xml");
    std::fs::write(&file, xml).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
    sandbox.virsh(&["start", "theirs"]);
    sandbox.virsh(&["destroy", "theirs"]);
    files
}

#[test]
fn a_vm_of_others_is_cloned_without_root() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let files = theirs(&sandbox, &image);
    let vmtools = |args: &[&str]| as_member(&sandbox, args).run();
    // Neither the disk nor the pool's folder is the user's to read.
    sandbox.as_root("chmod", &["0600", files[0].as_str()]).run().success();
    let hashes = || sandbox.as_root("sha256sum", &files).run().success().lines();
    let before = hashes();
    let vars = |vm: &Run| {
        let xml = sandbox.virsh(&["dumpxml", "--inactive", &word(vm, "name")]).stdout;
        // libvirt 9.0 picks the firmware at each start and keeps no path.
        let nvram =
            xml.split_once("</nvram>").map(|(before, _)| before.rsplit('>').next().unwrap().to_owned());
        let hash = nvram.as_ref().map(|path| sandbox.as_root("sha256sum", &[path]).run().success().stdout);
        (hash.map(|hash| hash.split(' ').next().unwrap().to_owned()), nvram, xml)
    };
    let source = vmtools(&["status", "theirs", "--json"]).success();
    let made = vmtools(&["clone", "theirs", "mine", "--json"]).success().stderr_has("machine-id");
    assert_eq!(hashes(), before);
    let paths: Vec<_> =
        made.json()["disks"].as_array().unwrap().iter().map(|disk| disk["path"].clone()).collect();
    assert_eq!(paths[1..], [files[1].clone(), files[2].clone()], "{made}");
    let copy = paths[0].as_str().unwrap();
    sandbox.as_root("cmp", &[files[0].as_str(), copy]).run().success();
    let (one, other) = (vars(&source), vars(&made));
    assert!(one.0 == other.0 && (one.1 != other.1 || one.1.is_none()), "{:?} {:?}", one.1, other.1);
    assert!(!other.2.contains("5977"), "{}", other.2);
    assert_eq!(made.json()["managed"], true);
    assert!(!sandbox.virsh(&["pool-list", "--all", "--name"]).stdout.contains("vmtools-folder"));
    vmtools(&["start", "mine"]).success();
    vmtools(&["delete", "--force", "mine"]).success();

    // A raw disk of which the guest has made something that libvirt would follow to another file.
    let overlay = sandbox.root().join("images/forged");
    let overlay = overlay.to_str().unwrap();
    let create = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", overlay, "1M"];
    sandbox.exec(&create);
    // In a pool that libvirt has looked at before, too.
    sandbox.virsh(&[
        "pool-create-as",
        "theirs",
        "dir",
        "--target",
        sandbox.root().join("images").to_str().unwrap(),
    ]);
    sandbox.as_root("cp", &[overlay, &files[0]]).run().success();
    for verb in [&["clone", "theirs", "mine"][..], &["image", "commit", "theirs", "mine"]] {
        vmtools(verb).code(11).stderr_has("looks like another format").stderr_has("hint: ");
    }
    assert_eq!(sandbox.domains(), ["theirs"]);
    assert!(!sandbox.volumes().iter().any(|path| path.contains("vmtools-commit-")));
}

#[test]
fn a_clone_that_does_not_come_about_leaves_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &[]).run().success();
    let source = own_volumes(&sandbox);
    let disk = source.iter().find(|path| path.ends_with(".qcow2")).unwrap();
    // So much that the copy takes a while.
    let fill = "write -q -P 7 300M 600M";
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", fill, disk]);
    let before = hashes(&sandbox, "web");
    let intact = |step: &str| {
        assert_eq!(sandbox.domains(), ["web"], "{step}");
        assert_eq!(own_volumes(&sandbox), source, "{step}");
        assert_eq!(hashes(&sandbox, "web"), before, "{step}");
    };
    // An older piece of its serial log, as virtlogd leaves them.
    let rotate = || {
        let log =
            sandbox.volumes().into_iter().find(|path| path.contains("/twin-") && path.ends_with(".log"));
        if let Some(log) = log {
            sandbox.as_root("touch", &[format!("{log}.0").as_str()]).run().success();
        }
    };
    let clone = |more: &[&str]| sandbox.vmtools(&[&["clone", "web", "twin", "--json"], more].concat());
    for (step, more) in [("copying disks", &[][..]), ("waiting for", &["--start", "--wait=port=9"])] {
        let mut running = clone(more).spawn();
        said(&mut running, step);
        // Else the copy would come to its end meanwhile.
        running.pause();
        rotate();
        running.signal_group("INT");
        running.go_on();
        let run = running.wait(MINUTE).code(130);
        assert_eq!(run.json_error()["code"], "interrupted", "{run}");
        intact(step);
        let mut running = clone(more).spawn();
        said(&mut running, step);
        running.pause();
        rotate();
        running.signal("KILL");
        running.go_on();
        running.wait(MINUTE);
        assert_eq!(sandbox.domains(), ["twin", "web"], "{step}");
        sandbox.vmtools(&["start", "twin"]).run().code(5);
        sandbox.vmtools(&["gc"]).run().success();
        intact(step);
    }
    // Its source runs, or goes, midway.
    for verb in ["start", "undefine"] {
        let mut running = clone(&[]).spawn();
        said(&mut running, "copying disks");
        running.pause();
        sandbox.virsh(&[verb, "web"]);
        running.go_on();
        let code = if verb == "start" { 5 } else { 3 };
        running.wait(MINUTE).code(code);
        assert!(!sandbox.domains().contains(&"twin".to_owned()));
        let left: Vec<_> = own_volumes(&sandbox).into_iter().filter(|path| !path.ends_with(".log")).collect();
        assert_eq!(left, source);
        if verb == "start" {
            sandbox.virsh(&["destroy", "web"]);
        }
    }
}

#[test]
fn a_clone_without_room_is_not_begun() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let pool = sandbox.root().join("small");
    sandbox.tmpfs_at(&pool, "64M");
    sandbox.vmtools(&["config", "--set", &format!("storage.path={}", pool.display())]).run().success();
    create(&sandbox, "web", &image, &[]).run().success();
    let source = own_volumes(&sandbox);
    let disk = source.iter().find(|path| path.ends_with(".qcow2")).unwrap();
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 300M 26M", disk]);
    let run = sandbox.vmtools(&["clone", "web", "twin", "--json"]).run().code(1);
    assert!(run.json_error()["hint"].as_str().is_some_and(|hint| hint.contains("free some space")), "{run}");
    assert_eq!((sandbox.domains(), own_volumes(&sandbox)), (vec!["web".to_owned()], source));
}

#[test]
fn a_running_vm_is_copied_as_it_is_at_one_moment() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start", "--wait=agent"]).run().success();
    vmtools(&["ssh", "web", "--", "echo kept >/data/file && sync"]).success();
    let twin = vmtools(&["clone", "web", "twin", "--live", "--start", "--wait", "--json"]).success();
    assert!(!twin.stderr.contains("warning: the guest agent"), "{twin}");
    assert_eq!(disk(&twin)["backing"], serde_json::Value::Null, "{twin}");
    assert_eq!(vmtools(&["ssh", "twin", "--", "cat /data/file; hostname"]).success().stdout, "kept\ntwin\n");
    vmtools(&["ssh", "web", "--", "echo on >/data/file && sync"]).success();
    vmtools(&["delete", "--force", "twin"]).success();

    // An agent that never answers.
    let before = own_volumes(&sandbox);
    let stop = r#"{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","kill -STOP $PPID"]}}"#;
    sandbox.virsh_command(&["qemu-agent-command", "web", stop, "--timeout", "5"]).run();
    vmtools(&["clone", "web", "twin", "--live"]).success().stderr_has("crash-consistent");
    vmtools(&["delete", "--force", "twin"]).success();
    let mut running = sandbox.vmtools(&["clone", "web", "twin", "--live"]).spawn();
    said(&mut running, "copying the disks");
    running.signal_group("INT");
    let ended = running.wait(MINUTE);
    if ended.status.code() != Some(0) {
        let ended = ended.code(130);
        assert_eq!((sandbox.domains(), own_volumes(&sandbox)), (vec!["web".to_owned()], before), "{ended}");
    }
    vmtools(&["ssh", "web", "--", "grep on /data/file"]).success();
}
