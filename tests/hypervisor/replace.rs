//! Creates that replace a VM: it goes only when the new one is there.

use super::support::{Run, Sandbox, sandbox_or_skip};
use super::{MINUTE, create, nothing_is_left, own_volumes, said, word};

#[test]
fn what_is_to_be_replaced_goes_only_when_the_new_one_can_be_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["-l", "which=old"]).run().success();
    let before = own_volumes(&sandbox);
    for hopeless in
        [&["--network", "nosuch"][..], &["--memory", "900T"], &["--cpus", "4096"], &["--disk-size", "1M"]]
    {
        let args = [&["--replace"], hopeless].concat();
        assert_ne!(replacing(&sandbox, &image, &args).status.code(), Some(0));
        assert_eq!(own_volumes(&sandbox), before);
    }
    replacing(&sandbox, &image, &["--replace", "--dry-run"]).success().stdout_has(&before[0]);
    assert_eq!(own_volumes(&sandbox), before);
    replacing(&sandbox, &image, &["--replace", "-l", "which=new"]).success();
    let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
    assert_eq!(status["labels"]["which"], "new");
    let after = own_volumes(&sandbox);
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|path| !before.contains(path)), "{after:?}");
}

#[test]
fn what_is_to_be_replaced_stays_when_there_is_no_room_for_the_new_one() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/var/lib/libvirt/images/vmtools", "16M");
    let [small, big] = ["small.qcow2", "big.img"].map(|name| sandbox.tmp().join(name));
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", small.to_str().unwrap(), "8M"]);
    sandbox.exec(&["sh", "-c", "head -c 40M /dev/urandom >\"$0\"", big.to_str().unwrap()]);
    create(&sandbox, "web", &small, &[]).run().success();
    let before = own_volumes(&sandbox);
    replacing(&sandbox, &big, &["--replace"]).code(1).stderr_has("needed");
    assert_eq!(own_volumes(&sandbox), before);
    assert_eq!(sandbox.domains(), ["web"]);
}

/// Until the old VM is deleted an interrupt leaves it as it was; from then on the new one stays.
#[test]
fn an_interrupt_leaves_the_old_vm_or_the_new_one() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let old = word(&sandbox.vmtools(&["status", "web", "--json"]).run().success(), "uuid");
    let files = own_volumes(&sandbox);
    let more = ["--replace", "--start", "--wait=port=9", "--json"];
    for step in ["claiming the name", "creating its disks"] {
        let mut running = create(&sandbox, "web", &image, &more).spawn();
        said(&mut running, step);
        running.signal_group("INT");
        let run = running.wait(MINUTE).code(130);
        assert_eq!(run.json_error()["code"], "interrupted", "{run}");
        assert_eq!(sandbox.domains(), ["web"], "{step}");
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success();
        assert_eq!((word(&status, "uuid"), word(&status, "state")), (old.clone(), "running".to_owned()));
        // The log of a VM that runs belongs to another user, and is listed all the same.
        assert_eq!(own_volumes(&sandbox), files, "{step}");
    }
    for step in ["deleting the VM that it replaces", "waiting for"] {
        let mut running = create(&sandbox, "web", &image, &more).spawn();
        said(&mut running, step);
        running.signal_group("INT");
        let run = running.wait(MINUTE).code(130);
        assert_eq!(sandbox.domains(), ["web"], "{step}: {run}");
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success();
        if word(&status, "uuid") != old {
            run.stderr_has("the new one is kept as web");
        }
        sandbox.vmtools(&["stop", "web", "--force"]).run().success();
        sandbox.vmtools(&["start", "web"]).run().success();
    }
    let new = word(&sandbox.vmtools(&["status", "web", "--json"]).run().success(), "uuid");
    assert_ne!(new, old, "the wait begins after the old one is gone");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// A start that fails, too: there is nothing else of that name any more.
#[test]
fn a_new_vm_that_does_not_start_is_kept() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["-l", "which=old"]).run().success();
    // libvirt asks the hook before each start.
    let hook = "#!/bin/sh\n[ \"$2\" != prepare ] || exit 1\n";
    let file = sandbox.tmp().join("qemu");
    std::fs::write(&file, hook).unwrap();
    let install = "mkdir -p /etc/libvirt/hooks && install -m 755 \"$0\" /etc/libvirt/hooks/qemu";
    sandbox.as_root("sh", &["-c", install, file.to_str().unwrap()]).run().success();
    sandbox.libvirtd_stop();
    sandbox.libvirtd_start();
    let run = replacing(&sandbox, &image, &["--replace", "--start", "-l", "which=new"]);
    assert_ne!(run.status.code(), Some(0), "{run}");
    run.stderr_has("the new one is kept as web");
    let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
    assert_eq!(
        (&status["labels"]["which"], &status["state"]),
        (&"new".into(), &"shutoff".into()),
        "{status}"
    );
    assert_eq!(own_volumes(&sandbox).len(), 2);
}

/// With firmware whose variables are a file named after the VM.
#[test]
fn a_vm_with_uefi_is_replaced() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let more = ["--replace", "--firmware", "efi", "--start"];
    for _ in 0..2 {
        create(&sandbox, "web", &image, &more).run().success();
    }
    sandbox.vmtools(&["restart", "web", "--force"]).run().success();
    let nvram = sandbox.as_root("ls", &["/var/lib/libvirt/qemu/nvram"]).run().success();
    assert_eq!(nvram.lines().len(), 1, "{nvram}");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

fn replacing(sandbox: &Sandbox, image: &std::path::Path, more: &[&str]) -> Run {
    let args = ["create", "web", "--image", image.to_str().unwrap()];
    sandbox.vmtools(&[&args, more].concat()).run()
}
