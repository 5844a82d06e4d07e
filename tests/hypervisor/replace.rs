//! Creates that replace a VM: it goes only when the new one is there.

use super::support::{Held, Hold, Run, Sandbox, sandbox_or_skip};
use super::{MINUTE, create, nothing_is_left, own_volumes, said, unbootable_image, word};

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

/// Until the old VM is deleted an interrupt leaves it as it was; from then on the new one stays. It comes before each
/// change in turn.
#[test]
fn an_interrupt_leaves_the_old_vm_or_the_new_one() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let args = ["create", "web", "--image", image.to_str().unwrap(), "-m", "256", "-c", "1", "--replace"];
    let (mut old_stayed, mut new_kept) = (0, 0);
    for at in 1..40 {
        let old = word(&sandbox.vmtools(&["status", "web", "--json"]).run().success(), "uuid");
        let files = own_volumes(&sandbox);
        let mut held = Held::start(&sandbox, "0", &[&args[..], &["--start"]].concat(), Hold::AtChange(at));
        held.await_hold();
        if !held.is_running() {
            break;
        }
        held.background().signal_group("INT");
        held.background().await_signals_seen();
        held.go_on();
        let run = held.finish(MINUTE).run;
        assert_eq!(sandbox.domains(), ["web"], "{at}: {run}");
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success();
        if word(&status, "uuid") == old {
            assert_eq!((word(&status, "state").as_str(), run.status.code()), ("running", Some(130)), "{run}");
            assert_eq!(own_volumes(&sandbox), files, "{at}: {run}");
            old_stayed += 1;
        } else {
            // Before the last change it is done all the same.
            if !run.status.success() {
                run.code(130).stderr_has("the new one is kept as web");
                new_kept += 1;
            }
            sandbox.vmtools(&["start", "web"]).run().success();
        }
    }
    assert!(old_stayed > 2 && new_kept > 0, "{old_stayed} and {new_kept}");
    let mut waiting = create(&sandbox, "web", &image, &["--replace", "--start", "--wait=port=9"]).spawn();
    said(&mut waiting, "waiting for");
    waiting.signal_group("INT");
    waiting.wait(MINUTE).code(130).stderr_has("the new one is kept as web");
    assert_eq!(sandbox.state("web"), "running");
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
    let image = unbootable_image(&sandbox);
    let more = ["--replace", "--firmware", "efi", "--start"];
    for _ in 0..2 {
        create(&sandbox, "web", &image, &more).run().success();
    }
    sandbox.vmtools(&["restart", "web", "--force"]).run().success();
    let nvram = super::nvram_of(&sandbox, "web").unwrap_or("/var/lib/libvirt/qemu/nvram/web_VARS.fd".into());
    sandbox.as_root("test", &["-e", &nvram]).run().success();
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

fn replacing(sandbox: &Sandbox, image: &std::path::Path, more: &[&str]) -> Run {
    let args = ["create", "web", "--image", image.to_str().unwrap()];
    sandbox.vmtools(&[&args, more].concat()).run()
}
