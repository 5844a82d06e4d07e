//! Creates that are killed, interrupted, raced, starved, or lose their daemon.

use std::time::Duration;

use super::support::{Asked, Held, HeldCalls, Hold, Passing, Sandbox, is_thorough, sandbox_or_skip};
use super::{MINUTE, create, nothing_is_left, said, unbootable_image};

#[test]
fn what_a_killed_create_leaves_is_garbage() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    // With the base there: one that is killed while it uploads keeps others waiting until it is stale.
    create(&sandbox, "first", &image, &[]).run().success();
    sandbox.vmtools(&["delete", "--yes", "first"]).run().success();
    for step in ["creating disks", "web: starting", "waiting for"] {
        let mut running = create(&sandbox, "web", &image, &["--start", "--wait=port=9"]).spawn();
        said(&mut running, step);
        running.signal("KILL");
        assert_eq!(running.wait(MINUTE).status.code(), None);
        collect(&sandbox, step);
    }
}

#[test]
fn a_create_killed_during_the_upload_is_garbage() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let calls = HeldCalls::hold(&sandbox, "vol-upload", Passing::Passed);
    let mut running = create(&sandbox, "web", &image, &[]).spawn();
    calls.await_call(&mut running);
    running.signal("KILL");
    running.wait(MINUTE);
    drop(calls);
    collect(&sandbox, "copying");
}

#[test]
fn a_vm_that_is_being_made_is_left_alone_and_what_a_killed_create_left_makes_way() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let mut running = create(&sandbox, "web", &image, &["--start", "--wait=port=9"]).spawn();
    said(&mut running, "waiting for");
    for verb in [&["start", "web"][..], &["stop", "web"], &["delete", "--force", "web"]] {
        sandbox.vmtools(verb).run().code(5).stderr_has("being created");
    }
    create(&sandbox, "web", &image, &["--if-not-exists", "--start"]).run().code(5);
    create(&sandbox, "web", &image, &[]).run().code(4);
    let interrupted = || {
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
        let list = sandbox.vmtools(&["list", "--json"]).run().success().json();
        assert_eq!(status["interrupted"], list[0]["interrupted"]);
        status["interrupted"].as_bool().unwrap()
    };
    assert!(!interrupted());
    running.signal("KILL");
    running.wait(MINUTE);
    assert!(interrupted());
    sandbox.vmtools(&["status", "web"]).run().success().stdout_has("interrupted").stdout_has("vmtools gc");
    sandbox.vmtools(&["start", "web"]).run().code(5).stderr_has("is incomplete").stderr_has("gc");
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();
    assert!(!interrupted());
    assert_eq!(super::own_volumes(&sandbox).len(), 3);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// `gc` shows it, removes it, and then there is nothing more.
#[track_caller]
fn collect(sandbox: &Sandbox, step: &str) {
    let found = sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success();
    let json = found.json();
    assert!(json.as_array().unwrap().iter().any(|item| item["name"] == "web"), "{step}: {found}");
    assert_eq!(sandbox.domains(), ["web"], "{step}");
    sandbox.vmtools(&["gc"]).run().success();
    nothing_is_left(sandbox);
}

#[test]
fn an_interrupted_create_takes_all_back() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    for (step, signal) in [("creating disks", "INT"), ("waiting for", "INT"), ("waiting for", "TERM")] {
        let mut running = create(&sandbox, "web", &image, &["--start", "--wait=port=9", "--json"]).spawn();
        said(&mut running, step);
        running.signal_group(signal);
        let run = running.wait(MINUTE).code(130);
        assert_eq!(run.json_error()["code"], "interrupted", "{run}");
        nothing_is_left(&sandbox);
    }
}

#[test]
fn of_two_creates_of_one_name_one_wins() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let one = create(&sandbox, "web", &image, &[]).spawn();
    let two = create(&sandbox, "web", &image, &[]).spawn();
    let runs = [one.wait(MINUTE), two.wait(MINUTE)];
    let mut codes = [&runs[0], &runs[1]].map(|run| run.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)], "{}\n{}", runs[0], runs[1]);
    let left = super::own_volumes(&sandbox);
    assert_eq!(left.len(), 2, "{left:?}");
    sandbox.vmtools(&["start", "web", "--wait=ssh"]).run().success();
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_daemon_that_goes_away_is_told_and_gc_mends_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let mut running = create(&sandbox, "web", &image, &["--start", "--wait=port=9"]).spawn();
    said(&mut running, "waiting for");
    sandbox.libvirtd_stop();
    let run = running.wait(MINUTE * 3);
    assert!(matches!(run.status.code(), Some(6 | 8)), "{run}");
    sandbox.libvirtd_start();
    sandbox.vmtools(&["gc"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let pool = sandbox.root().join("small");
    sandbox.tmpfs_at(&pool, "9M");
    sandbox.vmtools(&["config", "--set", &format!("storage.path={}", pool.display())]).run().success();
    let run = create(&sandbox, "web", &image, &["--json"]).run();
    assert_ne!(run.status.code(), Some(0), "{run}");
    assert!(run.json_error()["hint"].as_str().is_some_and(|hint| hint.contains("free some space")), "{run}");
    nothing_is_left(&sandbox);
    assert_eq!(sandbox.files_under(&pool), Vec::<String>::new());
}

#[test]
fn a_wait_in_vain_ends_with_a_hint() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    sandbox.virsh(&["suspend", "web"]);
    let run = sandbox
        .vmtools(&["wait", "web", "--for", "port=9", "--timeout", "2s", "--json"])
        .timeout(Duration::from_secs(30))
        .run()
        .code(6);
    assert_eq!(run.json_error()["code"], "timeout", "{run}");
    assert_eq!(run.json_error()["vm"], "web", "{run}");
    assert!(run.json_error()["hint"].as_str().is_some_and(|hint| hint.contains("--for port=9")), "{run}");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_vm_that_goes_off_is_not_waited_for() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let mut running = sandbox.vmtools(&["wait", "web", "--for", "port=9"]).spawn();
    said(&mut running, "waiting for");
    sandbox.virsh(&["destroy", "web"]);
    running.wait(MINUTE).code(5).stderr_has("powered off").stderr_has("hint: ");
}

#[test]
fn a_qemu_that_hangs_does_not_hold_the_list_back() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "other", &image, &[]).run().success();
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let pid = sandbox.as_root("cat", &["/run/libvirt/qemu/web.pid"]).run().success().stdout;
    sandbox.as_root("kill", &["-STOP", pid.trim()]).run().success();
    let listed = sandbox.vmtools(&["list", "--json"]).run().success().stderr_has("does not answer");
    assert_eq!(listed.json()[0]["state"], "running", "{listed}");
    // Nor the end of another, which is looked at for what it needs of that one.
    sandbox.vmtools(&["delete", "--yes", "other"]).run().success().stderr_has("does not answer");
    sandbox.vmtools(&["delete", "--yes", "web"]).run().code(6).stderr_has("vmtools stop web --force");
    let asked = ["stop", "web", "--timeout", "1s"];
    sandbox.vmtools(&asked).run().code(6).stderr_has("--force");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_paused_vm_is_not_called_running() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "A_b.c", &image, &[]).run().success();
    let off = sandbox.vmtools(&["status", "A_b.c", "--json"]).run().success().json();
    assert!(off["cpu_time_seconds"].is_null(), "{off}");
    sandbox.vmtools(&["wait", "A_b.c", "--for", "ip"]).run().code(5).stderr_has("is not running");
    sandbox.vmtools(&["start", "A_b.c"]).run().success();
    sandbox.virsh(&["suspend", "A_b.c"]);
    sandbox.vmtools(&["start", "A_b.c"]).run().code(5).stderr_has("paused").stderr_has("hint: ");
}

#[test]
fn a_disk_that_another_file_stands_on_stays() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let disk = super::own_volumes(&sandbox).into_iter().find(|path| path.ends_with(".qcow2")).unwrap();
    let mine = disk.replace("web-", "mine-");
    // Unopened: a running QEMU has the disk.
    sandbox.exec(&["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", &disk, &mine, "1G"]);
    sandbox.vmtools(&["delete", "--force", "web"]).run().code(11).stderr_has(&mine);
    assert!(super::own_volumes(&sandbox).contains(&disk));
    // Nor is it stopped for a delete that is refused.
    assert_eq!(sandbox.state("web"), "running");
}

/// The daemon is killed before each change in turn, and started again: no address stays reserved for nobody.
#[test]
fn reservations_outlast_no_vm_though_the_daemon_restarts() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    for args in [&["delete", "--yes", "web"][..], &["network", "detach", "default", "web"]] {
        // At the first one it ends at once.
        let (mut known, mut at) = (12, 2);
        while at <= known {
            create(&sandbox, "web", &image, &[]).run().success();
            sandbox.vmtools(&["network", "reserve", "default", "web", "192.168.122.50"]).run().success();
            let mut held = Held::start(&sandbox, "0", args, Hold::AtCommand(at));
            held.await_hold();
            sandbox.libvirtd_kill();
            sandbox.libvirtd_start();
            let Asked { run, commands, .. } = held.finish(MINUTE);
            known = known.max(commands);
            let reserved = sandbox.virsh(&["net-dumpxml", "default"]).stdout.contains("192.168.122.50");
            let has_interface = sandbox.domains() == ["web"]
                && sandbox.virsh(&["domiflist", "web"]).stdout.contains("default");
            // What could not be done can be done again.
            assert!(has_interface || !reserved, "held at {at}: {run}");
            assert!(run.status.success() || has_interface, "held at {at}: {run}");
            if !run.status.success() {
                sandbox.vmtools(args).run().success();
            }
            if sandbox.domains() == ["web"] {
                sandbox.vmtools(&["delete", "--yes", "web"]).run().success();
            }
            at += if is_thorough() { 1 } else { known.div_ceil(5) };
        }
    }
    nothing_is_left(&sandbox);
}
