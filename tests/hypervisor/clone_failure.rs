//! Clones that are killed, or lose their daemon.

use super::clone::theirs;
use super::support::{HeldCalls, Passing, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, as_member, create, nothing_is_left, own_volumes, said};

#[test]
fn a_clone_outlasts_a_daemon_that_is_restarted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &[]).run().success();
    for command in ["metadata --config --key", "define", "pool-refresh", "metadata --remove", "domname"] {
        outlasts(&sandbox, command, &["--linked"]);
    }
    for command in ["define", "pool-refresh", "metadata --remove"] {
        outlasts(&sandbox, command, &[]);
    }
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// A clone whose daemon is killed before that command of virsh, and started again, comes about. What was made
/// boots.
#[track_caller]
fn outlasts(sandbox: &Sandbox, command: &str, more: &[&str]) {
    let calls = HeldCalls::hold(sandbox, command, Passing::Kept);
    let mut running = sandbox.vmtools(&[&["clone", "web", "twin", "-v"], more].concat()).spawn();
    calls.await_call(&mut running);
    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    calls.go_on();
    let run = running.wait(MINUTE).success();
    drop(calls);
    assert_eq!(sandbox.domains(), ["twin", "web"], "{command}: {run}");
    if command == "pool-refresh" {
        sandbox.vmtools(&["start", "twin", "--wait=ssh"]).run().success();
    }
    assert!(!sandbox.virsh(&["dumpxml", "twin"]).stdout.contains("creating"), "{command}: {run}");
    sandbox.vmtools(&["delete", "--force", "twin"]).run().success();
}

/// A VM of others whose one disk of its own is in no pool, and takes libvirt a while to copy.
fn large(sandbox: &Sandbox) -> Option<[String; 3]> {
    let image = match sandbox.busybox_image() {
        Ok(image) => image,
        Err(skip) => {
            skip.report();
            return None;
        }
    };
    let files = theirs(sandbox, &image);
    sandbox.as_root("sh", &["-c", "head -c 300M /dev/zero | tr '\\0' x >>\"$0\"", &files[0]]).run().success();
    Some(files)
}

#[test]
fn a_copy_by_a_daemon_that_is_killed_is_taken_back() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let Some(files) = large(&sandbox) else { return };
    let mut running = as_member(&sandbox, &["clone", "theirs", "mine", "--json"]).spawn();
    said(&mut running, "copying disks");
    let pool = "/var/lib/libvirt/images/vmtools";
    wait_for("libvirt's copying", MINUTE, || (!sandbox.files_under(pool).is_empty()).then_some(()));
    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    let run = running.wait(MINUTE * 2);
    if run.status.code() == Some(0) {
        // It was through with it.
        let copy = run.json()["disks"][0]["path"].as_str().unwrap().to_owned();
        sandbox.as_root("cmp", &[&files[0], &copy]).run().success();
        sandbox.vmtools(&["delete", "--force", "mine"]).run().success();
    } else if sandbox.domains().contains(&"mine".to_owned()) {
        let error = run.json_error().to_string();
        assert!(
            error.contains("the definition of VM") && error.contains("gc"),
            "what is left is named: {run}"
        );
    }
    sandbox.vmtools(&["gc"]).run().success();
    assert_eq!((sandbox.domains(), own_volumes(&sandbox)), (vec!["theirs".to_owned()], Vec::new()), "{run}");
}

#[test]
fn a_pool_that_a_killed_clone_left_is_garbage() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let Some(files) = large(&sandbox) else { return };
    let pools = || -> Vec<String> {
        let mut names = sandbox.virsh(&["pool-list", "--all", "--name"]).lines();
        names.retain(|name| name.starts_with("vmtools-folder-"));
        names
    };
    let mut running = as_member(&sandbox, &["clone", "theirs", "mine"]).spawn();
    said(&mut running, "copying disks");
    running.pause();
    assert_eq!(pools().len(), 1);
    // It is of use as long as its clone goes on.
    let found = sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success();
    assert_eq!(found.json(), serde_json::json!([]), "{found}");
    running.signal("KILL");
    running.go_on();
    running.wait(MINUTE);
    let found = sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success();
    let reasons: Vec<_> =
        found.json().as_array().unwrap().iter().map(|item| item["reason"].clone()).collect();
    assert_eq!(reasons, ["unfinished", "forgotten_pool"], "{found}");
    assert_eq!(pools().len(), 1);
    sandbox.vmtools(&["gc"]).run().success().stdout_has("temporary pool");
    assert_eq!((pools(), sandbox.domains()), (Vec::new(), vec!["theirs".to_owned()]));
    sandbox.as_root("test", &["-s", &files[0]]).run().success();
}

#[test]
fn a_guest_whose_clone_was_killed_is_thawed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=agent"]).run().success();
    // Its agent can't freeze this guest's file system, vfat, but calls those who want to know of it.
    let agent = "ga=$(sudo readlink /proc/$(pidof qemu-ga)/exe); printf '#!/bin/sh\\ncase $1 in freeze) : >/run/frozen ;; thaw) rm -f /run/frozen ;; esac\\n' |
        sudo tee /run/hook && sudo chmod +x /run/hook && sudo killall qemu-ga && sleep 1
        sudo $ga --daemonize --method=virtio-serial --path=/dev/virtio-ports/org.qemu.guest_agent.0 \
        --statedir=/run --pidfile=/run/own.pid --fsfreeze-hook=/run/hook";
    sandbox.vmtools(&["ssh", "web", "--", agent]).run().success();
    sandbox.vmtools(&["wait", "web", "--for", "agent"]).run().success();
    // So that there is time to kill it in, while they are frozen: the backup never begins.
    sandbox.fake_tool(
        "virsh",
        "[ $# -gt 2 ] && exec /usr/bin/virsh \"$@\"\n\
         sed -u 's/^backup-begin.*/event --domain web --event reboot --timeout 20/' | exec /usr/bin/virsh \"$@\"",
    );
    let ask = r#"{"execute":"guest-file-open","arguments":{"path":"/run/frozen"}}"#;
    let is_frozen = || sandbox.virsh_command(&["qemu-agent-command", "web", ask]).run().status.success();
    let mut running = sandbox.vmtools(&["clone", "web", "twin", "--live"]).spawn();
    wait_for("the freeze", MINUTE, || is_frozen().then_some(()));
    running.signal("KILL");
    running.wait(MINUTE);
    wait_for("the thaw", MINUTE, || (!is_frozen()).then_some(()));
    sandbox.real_tool("virsh");
    sandbox.vmtools(&["ssh", "web", "--", "echo on >/data/file && sync"]).run().success();
    sandbox.vmtools(&["gc"]).run().success();
    assert_eq!(sandbox.domains(), ["web"]);
}
