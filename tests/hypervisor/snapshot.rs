//! Snapshots, made, listed, changed and deleted: of VMs that run and that don't, by vmtools and by others.

use serde_json::Value;

use super::support::{HeldCalls, Passing, Run, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, unbootable_image};

/// The VM's first disk.
#[track_caller]
fn disk_of(sandbox: &Sandbox, vm: &str) -> String {
    let status = sandbox.vmtools(&["status", vm, "--json"]).run().success().json();
    status["disks"][0]["path"].as_str().unwrap().to_owned()
}

/// The names of the snapshots in a qcow2 file, whatever libvirt knows of them.
#[track_caller]
fn in_file(sandbox: &Sandbox, path: &str) -> Vec<String> {
    let info = sandbox.exec(&["qemu-img", "info", "-U", "--output=json", path]).json();
    let snapshots = info["snapshots"].as_array().cloned().unwrap_or_default();
    snapshots.iter().map(|snapshot| snapshot["name"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn list(sandbox: &Sandbox, vm: &str) -> Vec<Value> {
    let listed = sandbox.vmtools(&["snapshot", "list", vm, "--json"]).run().success().json();
    listed.as_array().unwrap().clone()
}

#[track_caller]
fn names(sandbox: &Sandbox, vm: &str) -> Vec<String> {
    list(sandbox, vm).iter().map(|snapshot| snapshot["name"].as_str().unwrap().to_owned()).collect()
}

fn snapshot(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.vmtools(&[&["snapshot"], args].concat()).run()
}

/// The shared bases, with their sums.
fn bases(sandbox: &Sandbox) -> Vec<String> {
    let volumes = sandbox.volumes();
    let bases = volumes.iter().filter(|path| path.contains("/vmtools-base-"));
    bases.map(|path| sandbox.exec(&["sha256sum", path]).stdout).collect()
}

/// A document without what people and vmtools say of the snapshot.
fn without_description(document: &str) -> String {
    let (before, rest) = document.split_once("<description>").unwrap();
    format!("{before}{}", rest.split_once("</description>").unwrap().1)
}

#[test]
fn a_guests_snapshots_are_made_in_every_form() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let snapshot = |args: &[&str]| snapshot(&sandbox, args);
    let ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]).run().success();
    create(&sandbox, "web", &image, &[]).run().success();
    let (disk, sums) = (disk_of(&sandbox, "web"), bases(&sandbox));
    assert!(!sums.is_empty());

    // Shut off.
    let off = ["create", "web", "--name", "off", "--description", "as it was", "--json"];
    let off = snapshot(&off).success().json();
    assert_eq!(
        (&off["state"], &off["kind"], &off["memory"]),
        (&"shutoff".into(), &"internal".into(), &false.into())
    );
    assert_eq!((&off["disks"], &off["held_ms"]), (&serde_json::json!(["vda"]), &Value::Null), "{off}");
    snapshot(&["create", "web", "--memory"]).code(5).stderr_has("vmtools start web");
    snapshot(&["create", "web", "--name", "off"]).code(4).stderr_has("--name");
    for name in ["a b", "-x", "a/b", &"x".repeat(64)] {
        snapshot(&["create", "web", &format!("--name={name}")]).code(2);
    }

    // Running: with memory by itself, of the disks alone when asked for.
    sandbox.vmtools(&["start", "web", "--wait"]).run().success();
    sandbox.vmtools(&["wait", "web", "--for", "agent"]).run().success();
    ssh("echo one >/data/word; sync");
    let memory = snapshot(&["create", "web", "--json"]).success().json();
    assert_eq!((&memory["state"], &memory["memory"]), (&"running".into(), &true.into()), "{memory}");
    assert!(
        memory["held_ms"].as_u64() > Some(0) && memory["memory_bytes"].as_u64() > Some(1 << 20),
        "{memory}"
    );
    let automatic = memory["name"].as_str().unwrap().to_owned();
    assert!(automatic.starts_with("auto-") && memory["parent"] == "off", "{memory}");
    ssh("echo two >/data/word; sync");
    let live = ["create", "web", "--no-memory", "--name", &"l".repeat(63), "--json"];
    let live = snapshot(&live).success().json();
    assert_eq!(
        (&live["state"], &live["frozen"], &live["memory"]),
        (&"disk_only".into(), &true.into(), &false.into())
    );
    snapshot(&["create", "web", "--quiesce", "yes", "--name", "still"]).success().stdout_has("frozen for");
    snapshot(&["create", "web", "--no-memory", "--quiesce", "no", "--name", "plain"])
        .success()
        .stdout_has("not frozen");
    ssh("echo three >/data/word; sync");
    assert_eq!(names(&sandbox, "web"), ["off", &automatic, &"l".repeat(63), "still", "plain"]);
    assert_eq!(in_file(&sandbox, &disk), names(&sandbox, "web"));
    // The note of the process that was at it is gone.
    assert!(list(&sandbox, "web").iter().all(|snapshot| snapshot["unfinished"] == false));

    changes_leave_the_rest(&sandbox, &automatic);
    a_guest_that_does_not_freeze(&sandbox);
    reverted_by_virsh(&sandbox, &automatic);

    // Deleted while it runs, and when it doesn't.
    snapshot(&["delete", "web", "plain"]).code(2).stderr_has("--yes").stderr_has("--dry-run");
    snapshot(&["delete", "web", "plain", "nosuch", "--yes"]).code(3).stderr_has("snapshot list web");
    let plan = snapshot(&["delete", "web", "plain", "still", "--dry-run", "--json"]).success().json();
    assert_eq!((plan["snapshots"].as_array().unwrap().len(), names(&sandbox, "web").len()), (2, 5), "{plan}");
    snapshot(&["delete", "web", "still", "plain", "--yes"]).success().stdout_has("deleted still of web");
    snapshot(&["set", "web", &automatic, "--pin"]).success().stdout_has("pinned");
    snapshot(&["delete", "web", "off", &automatic, "--yes"])
        .code(5)
        .stderr_has("--unpin")
        .stderr_has("--force");
    snapshot(&["delete", "web", &automatic, "--force"]).success();
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    assert_eq!(in_file(&sandbox, &disk), ["off", &"l".repeat(63)]);
    snapshot(&["delete", "web", "off", &"l".repeat(63), "--yes"]).success();
    assert_eq!((in_file(&sandbox, &disk), names(&sandbox, "web")), (Vec::new(), Vec::new()));
    assert_eq!(bases(&sandbox), sums);
    sandbox.exec(&["qemu-img", "check", "-q", &disk]);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// What is noted of a snapshot is changed, whichever is the current one, and nothing of what it keeps.
fn changes_leave_the_rest(sandbox: &Sandbox, memory: &str) {
    let dump =
        |name: &str| sandbox.virsh(&["snapshot-dumpxml", "web", name, "--security-info"]).success().stdout;
    let current = || sandbox.virsh(&["snapshot-current", "web", "--name"]).success().stdout;
    for name in [memory, "plain"] {
        let before = dump(name);
        let set = ["set", "web", name, "--description", "one\ntwo", "--expires", "1h", "--pin", "--json"];
        let set = snapshot(sandbox, &set).success().json();
        assert_eq!((&set["description"], &set["pinned"]), (&"one\ntwo".into(), &true.into()), "{set}");
        assert!(set["expires"].is_string(), "{set}");
        assert_eq!(without_description(&dump(name)), without_description(&before));
        assert_eq!(current().trim(), "plain");
        let unset = ["set", "web", name, "--description", "", "--expires", "none", "--unpin", "--json"];
        let unset = snapshot(sandbox, &unset).success().json();
        assert_eq!((&unset["description"], &unset["expires"]), (&Value::Null, &Value::Null), "{unset}");
        // As it was made, to the letter.
        assert_eq!(dump(name), before);
        snapshot(sandbox, &["set", "web", name, "--unpin"]).success().stderr_has("already");
    }
}

/// An agent that takes longer than five seconds, and one that is silent: there is no snapshot, or one that says so, and
/// the guest goes on writing.
fn a_guest_that_does_not_freeze(sandbox: &Sandbox) {
    let before = names(sandbox, "web");
    let calls = HeldCalls::hold(sandbox, "qemu-agent-command*guest-fsfreeze-freeze", Passing::Kept);
    let slow = snapshot(sandbox, &["create", "web", "--quiesce", "yes", "--name", "slow"]);
    assert_ne!(slow.status.code(), Some(0), "{slow}");
    drop(calls);
    assert_eq!(names(sandbox, "web"), before);
    let ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]).run().success();
    ssh("killall -STOP qemu-ga || sudo killall -STOP qemu-ga");
    snapshot(sandbox, &["create", "web", "--quiesce", "yes"]).code(9).stderr_has("qemu-guest-agent");
    assert_eq!(names(sandbox, "web"), before);
    let taken = snapshot(sandbox, &["create", "web", "--no-memory", "--name", "slow"]).success();
    taken.stderr_has("crash-consistent").stdout_has("not frozen");
    ssh("killall -CONT qemu-ga || sudo killall -CONT qemu-ga");
    ssh("echo three >/data/word; sync");
    snapshot(sandbox, &["delete", "web", "slow", "--yes"]).success();
}

/// Each is what libvirt itself can go back to, with the content of its moment.
fn reverted_by_virsh(sandbox: &Sandbox, memory: &str) {
    let word = || sandbox.vmtools(&["ssh", "web", "--", "cat /data/word"]).run().success().lines();
    let live = "l".repeat(63);
    sandbox.virsh(&["snapshot-revert", "web", &live, "--running"]).success();
    sandbox.vmtools(&["wait", "web", "--for", "ssh"]).run().success();
    assert_eq!(word(), ["two"]);
    sandbox.virsh(&["snapshot-revert", "web", memory]).success();
    sandbox.vmtools(&["wait", "web", "--for", "ssh"]).run().success();
    assert_eq!(word(), ["one"]);
}

#[test]
fn snapshots_of_others_under_any_name_are_listed_and_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &[]).run().success();
    let disk = disk_of(&sandbox, "web");
    let vmtools = |args: &[&str]| snapshot(&sandbox, args);
    let odd = ["a b", "-x", "\u{fc}\u{df}", "it's", "12", &"n".repeat(63), &"n".repeat(64), &"n".repeat(240)];
    for name in odd {
        sandbox.virsh(&["snapshot-create-as", "web", &format!("--name={name}")]).success();
    }
    assert_eq!(names(&sandbox, "web"), odd);
    assert!(list(&sandbox, "web").iter().all(|snapshot| snapshot["managed"] == false));
    for name in odd {
        vmtools(&["show", "--json", "--", "web", name]).success();
        vmtools(&["set", "--pin", "--", "web", name]).success();
        vmtools(&["delete", "--force", "--", "web", name]).success();
    }
    assert_eq!((names(&sandbox, "web"), in_file(&sandbox, &disk)), (Vec::new(), Vec::new()));
    // One that virsh can't be given is shown all the same.
    sandbox.virsh(&["snapshot-create-as", "web", "a\tb"]).success();
    assert_eq!(names(&sandbox, "web"), ["a\tb"]);
    vmtools(&["delete", "web", "a\tb", "--yes"]).code(2);
    sandbox.virsh(&["snapshot-delete", "web", "a\tb"]).success();

    what_the_disk_alone_knows(&sandbox, &disk);
    expiry(&sandbox);
    many_are_listed_by_one_virsh(&sandbox);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// A snapshot that somebody has deleted with qemu-img, and one that somebody has made with it.
fn what_the_disk_alone_knows(sandbox: &Sandbox, disk: &str) {
    let vmtools = |args: &[&str]| snapshot(sandbox, args);
    vmtools(&["create", "web", "--name", "gone"]).success();
    sandbox.exec(&["qemu-img", "snapshot", "-d", "gone", disk]);
    sandbox.exec(&["qemu-img", "snapshot", "-c", "stray", disk]);
    vmtools(&["list", "web"]).success().stdout_has("damaged").stdout_has("unrecorded");
    let listed = list(sandbox, "web");
    assert_eq!((&listed[0]["name"], &listed[0]["missing_in"]), (&"gone".into(), &serde_json::json!(["vda"])));
    assert_eq!((&listed[1]["name"], &listed[1]["recorded"]), (&"stray".into(), &false.into()));
    // QEMU would later take the older one for it.
    vmtools(&["create", "web", "--name", "stray"]).code(4).stderr_has("snapshot delete web stray");
    vmtools(&["set", "web", "stray", "--pin"]).code(5);
    vmtools(&["delete", "web", "gone", "stray", "--yes"]).success();
    assert_eq!((names(sandbox, "web"), in_file(sandbox, disk)), (Vec::new(), Vec::new()));
    // While it runs, too.
    sandbox.vmtools(&["start", "web"]).run().success();
    vmtools(&["create", "web", "--no-memory", "--name", "stray"]).success();
    sandbox.virsh(&["snapshot-delete", "web", "stray", "--metadata"]).success();
    vmtools(&["create", "web", "--no-memory", "--name", "stray"]).code(4);
    vmtools(&["create", "web", "--memory", "--name", "stray"]).code(4);
    assert_eq!(in_file(sandbox, disk), ["stray"]);
    vmtools(&["create", "web", "--name", "last"]).success();
    vmtools(&["delete", "web", "stray", "--yes"]).success();
    assert_eq!(in_file(sandbox, disk), ["last"]);
    let current = sandbox.virsh(&["snapshot-current", "web", "--name"]).success();
    assert_eq!(current.lines()[0], "last", "{current}");

    // A job is not waited for, as libvirt would for half a minute.
    let backup = "<domainbackup mode='pull'><server name='127.0.0.1' port='10809'/></domainbackup>";
    let begin = sandbox.command("virsh", &["-c", sandbox.uri(), "backup-begin", "web", "/dev/stdin"]);
    begin.stdin(backup).run().success();
    for args in [&["create", "web"][..], &["delete", "web", "last", "--yes"]] {
        vmtools(args).code(5).stderr_has("another operation is in progress");
    }
    sandbox.virsh(&["domjobabort", "web"]).success();

    // What libvirt has saved goes on with the disks as they were.
    sandbox.virsh(&["managedsave", "web"]).success();
    vmtools(&["create", "web"]).code(5).stderr_has("managedsave-remove");
    sandbox.virsh(&["managedsave-remove", "web"]).success();
    vmtools(&["delete", "web", "last", "--yes"]).success();

    // A disk that can't have one, by its name.
    let raw = sandbox.root().join("images/raw.img");
    sandbox.exec(&["truncate", "-s", "1M", raw.to_str().unwrap()]);
    sandbox.vmtools(&["disk", "add", "web", "--file", raw.to_str().unwrap()]).run().success();
    vmtools(&["create", "web"]).code(9).stderr_has("vdc (raw image)");
    sandbox.vmtools(&["disk", "remove", "web", "vdc"]).run().success();
}

/// `gc` deletes those whose time is over, but no pinned ones; `--before` those of vmtools.
fn expiry(sandbox: &Sandbox) {
    let vmtools = |args: &[&str]| snapshot(sandbox, args);
    vmtools(&["create", "web", "--name", "short", "--expires", "1s"]).success();
    vmtools(&["create", "web", "--name", "kept", "--expires", "1s", "--pin"]).success();
    vmtools(&["create", "web", "--name", "long", "--expires", "1h"]).success();
    sandbox.virsh(&["snapshot-create-as", "web", "others"]).success();
    let gc = |args: &[&str]| sandbox.vmtools(&[&["gc"], args].concat()).run().success();
    wait_for("the end of its time", MINUTE, || gc(&["--dry-run"]).stdout.contains("web/short").then_some(()));
    gc(&[]).stdout_has("removed web/short (expired snapshot)");
    assert_eq!(names(sandbox, "web"), ["kept", "long", "others"]);
    let listed = gc(&["--json"]);
    assert_eq!(listed.json(), serde_json::json!([]), "{listed}");
    let of = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    wait_for("their age", MINUTE, || {
        let plan = vmtools(&["delete", "web", "--before", "1s", "--dry-run", "--json"]).success().json();
        (of(&plan["snapshots"]) == ["long"] && of(&plan["kept"]) == ["kept"]).then_some(())
    });
    vmtools(&["delete", "web", "--before", "1s", "--force"]).success();
    assert_eq!(names(sandbox, "web"), ["others"]);
    vmtools(&["delete", "web", "--before", "1s", "--yes"]).success().stderr_has("nothing to delete");
    vmtools(&["delete", "web", "others", "--yes"]).success();
}

fn many_are_listed_by_one_virsh(sandbox: &Sandbox) {
    let script: Vec<String> = (0..50).map(|n| format!("snapshot-create-as web s{n:02}")).collect();
    sandbox.virsh(&[&script.join(";")]).success();
    let counted = sandbox.count_processes(&["snapshot", "list", "web", "--json"]);
    assert_eq!((counted.of("virsh"), counted.log.len()), (1, 1), "{:?}", counted.log);
    let listed = counted.run.success().json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 50);
    assert!(listed.iter().all(|one| one["recorded"] == true && one["missing_in"] == serde_json::json!([])));
    for args in [&["snapshot", "create", "web"][..], &["snapshot", "delete", "web", "s07", "--yes"], &["gc"]]
    {
        let counted = sandbox.count_processes(args);
        assert_eq!(counted.of("virsh"), 1, "{args:?}: {:?}", counted.log);
        counted.run.success();
    }
    let tree = snapshot(sandbox, &["list", "web", "--tree"]).success();
    assert_eq!(tree.lines().len(), 50, "{tree}");
    // Two at once wait for one another, and each has a name of its own.
    let spawn = || sandbox.vmtools(&["snapshot", "create", "web", "--json"]).spawn();
    let both = (spawn(), spawn());
    let both = [both.0.wait(MINUTE).success().json(), both.1.wait(MINUTE).success().json()];
    assert_ne!(both[0]["name"], both[1]["name"]);
    assert_eq!(names(sandbox, "web").len(), 52);
    sandbox.vmtools(&["status", "web"]).run().success().stdout_has(" (current)");
}

/// Held at each of its steps and killed: what libvirt and the disk have is one and the same once `gc` was there, or the
/// next create. Interrupted there, nothing is left.
#[test]
fn what_a_killed_create_leaves_is_found() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let disk = disk_of(&sandbox, "web");
    let live = ["snapshot", "create", "web", "--no-memory", "--name", "live", "--json"];
    let transaction = "qemu-monitor-command*transaction";
    let document = "snapshot-create --redefine";
    for (call, passing, is_there) in [
        (document, Passing::Kept, false),
        (document, Passing::Passed, true),
        (transaction, Passing::Kept, true),
        (transaction, Passing::Passed, true),
    ] {
        for next in [&["gc"][..], &["snapshot", "create", "web", "--no-memory", "--name", "next"]] {
            let calls = HeldCalls::hold(&sandbox, call, passing);
            let mut running = sandbox.vmtools(&live).spawn();
            calls.await_call(&mut running);
            // As long as it is at it that is nobody's garbage.
            let others = ["PATH=/usr/bin", env!("CARGO_BIN_EXE_vmtools"), "gc", "--dry-run", "--json"];
            let found = sandbox.command("env", &others).run().success();
            assert_eq!(found.json(), serde_json::json!([]), "{call} {passing:?}: {found}");
            running.signal("KILL");
            running.wait(MINUTE);
            drop(calls);
            let listed = list(&sandbox, "web");
            assert_eq!(listed.len(), usize::from(is_there), "{call} {passing:?}: {listed:?}");
            assert!(listed.iter().all(|one| one["unfinished"] == true), "{listed:?}");
            let run = sandbox.vmtools(next).run().success();
            if is_there && next == ["gc"] {
                run.stdout_has("removed web/live (left by a snapshot create or delete that was killed)");
            }
            let left: &[&str] = if next == ["gc"] { &[] } else { &["next"] };
            assert_eq!((names(&sandbox, "web"), in_file(&sandbox, &disk)), (owned(left), owned(left)));
            if !left.is_empty() {
                snapshot(&sandbox, &["delete", "web", "next", "--yes"]).success();
            }
        }
    }
    interrupted(&sandbox, &disk);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn interrupted(sandbox: &Sandbox, disk: &str) {
    for (call, more) in [
        ("qemu-monitor-command*query-block", "--no-memory"),
        ("snapshot-create --redefine", "--no-memory"),
        ("qemu-monitor-command*transaction", "--no-memory"),
        ("snapshot-create --domain", "--memory"),
    ] {
        let calls = HeldCalls::hold(sandbox, call, Passing::Kept);
        let mut running = sandbox.vmtools(&["snapshot", "create", "web", more]).spawn();
        calls.await_call(&mut running);
        running.signal("INT");
        running.await_signals_seen();
        calls.go_on();
        running.wait(MINUTE).code(130);
        drop(calls);
        assert_eq!(
            (names(sandbox, "web"), in_file(sandbox, disk)),
            (Vec::new(), Vec::new()),
            "{call} {more}"
        );
        assert_eq!(sandbox.virsh(&["domstate", "web"]).lines()[0], "running");
    }
    // Killed while libvirt saves the memory: that it finishes, and the snapshot is a whole one.
    let calls = HeldCalls::hold(sandbox, "snapshot-create --domain", Passing::Passed);
    let mut running = sandbox.vmtools(&["snapshot", "create", "web", "--memory", "--name", "whole"]).spawn();
    calls.await_call(&mut running);
    running.signal("KILL");
    running.wait(MINUTE);
    drop(calls);
    wait_for("the snapshot", MINUTE, || (names(sandbox, "web") == ["whole"]).then_some(()));
    wait_for("its end", MINUTE, || (in_file(sandbox, disk) == ["whole"]).then_some(()));
    assert_eq!(list(sandbox, "web")[0]["unfinished"], false);
    snapshot(sandbox, &["delete", "web", "whole", "--yes"]).success();
}

/// External ones are libvirt's to delete, and while there is one none is made.
#[test]
fn external_snapshots_of_others_are_listed_and_deleted_by_libvirt() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let (disk, sums) = (disk_of(&sandbox, "web"), bases(&sandbox));
    let vmtools = |args: &[&str]| snapshot(&sandbox, args);
    sandbox.virsh(&["snapshot-create-as", "web", "e1", "--disk-only"]).success();
    let listed = list(&sandbox, "web");
    assert_eq!(
        (&listed[0]["kind"], &listed[0]["state"]),
        (&"external".into(), &"disk_only".into()),
        "{listed:?}"
    );
    assert!(listed[0]["files"][0].as_str().unwrap().ends_with(".e1"), "{listed:?}");
    vmtools(&["create", "web"]).code(5).stderr_has("snapshot delete web e1");
    vmtools(&["set", "web", "e1", "--description", "others'"]).success();
    let plan = vmtools(&["delete", "web", "e1", "--dry-run"]).success();
    plan.stdout_has(".e1");
    vmtools(&["delete", "web", "e1", "--yes"]).success();
    assert_eq!((names(&sandbox, "web"), disk_of(&sandbox, "web")), (Vec::new(), disk.clone()));
    vmtools(&["create", "web", "--name", "own"]).success();
    vmtools(&["delete", "web", "own", "--yes"]).success();

    // libvirt would write what the overlay has into the file that the clone stands on.
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    sandbox.virsh(&["snapshot-create-as", "web", "e2", "--disk-only"]).success();
    sandbox.vmtools(&["clone", "web", "low", "--linked"]).run().success();
    vmtools(&["delete", "web", "e2", "--yes"]).code(5).stderr_has("low");
    sandbox.vmtools(&["delete", "--force", "low"]).run().success();
    vmtools(&["delete", "web", "e2", "--yes"]).success();
    assert_eq!((disk_of(&sandbox, "web"), bases(&sandbox)), (disk, sums));
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// The daemon is killed at each step and started again, and then the VM's QEMU: there is a whole snapshot or none, and
/// libvirt and the disk have the same.
#[test]
fn a_daemon_or_a_qemu_that_is_killed_leaves_no_half_of_one() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let disk = disk_of(&sandbox, "web");
    let kill_daemon = || {
        sandbox.libvirtd_kill();
        sandbox.libvirtd_start();
    };
    let kill_qemu = || {
        let pid = sandbox.as_root("cat", &["/run/libvirt/qemu/web.pid"]).run().success().stdout;
        sandbox.as_root("kill", &["-KILL", pid.trim()]).run().success();
        wait_for("its end", MINUTE, || (sandbox.state("web") == "shut off").then_some(()));
    };
    let kills: [(&str, &dyn Fn()); 2] = [("libvirtd", &kill_daemon), ("QEMU", &kill_qemu)];
    for (killed, kill) in kills {
        for (call, passing, more) in [
            ("snapshot-create --redefine", Passing::Kept, "--no-memory"),
            ("qemu-monitor-command*transaction", Passing::Kept, "--no-memory"),
            ("qemu-monitor-command*transaction", Passing::Passed, "--no-memory"),
            ("snapshot-create --domain", Passing::Kept, "--memory"),
            ("snapshot-create --domain", Passing::Passed, "--memory"),
        ] {
            let calls = HeldCalls::hold(&sandbox, call, passing);
            let mut running = sandbox.vmtools(&["snapshot", "create", "web", more, "--name", "s"]).spawn();
            calls.await_call(&mut running);
            kill();
            calls.go_on();
            let run = running.wait(MINUTE * 3);
            drop(calls);
            let whole = run.status.code() == Some(0);
            let expected: &[&str] = if whole { &["s"] } else { &[] };
            let shown = format!("{killed} at {call} {passing:?}: {run}");
            assert_eq!(
                (names(&sandbox, "web"), in_file(&sandbox, &disk)),
                (owned(expected), owned(expected)),
                "{shown}"
            );
            if whole {
                assert_eq!(list(&sandbox, "web")[0]["unfinished"], false, "{shown}");
                snapshot(&sandbox, &["delete", "web", "s", "--yes"]).success();
            }
            // A guest that ran runs on.
            let expected = if killed == "QEMU" { "shut off" } else { "running" };
            assert_eq!(sandbox.state("web"), expected, "{shown}");
            sandbox.vmtools(&["start", "web"]).run().success();
        }
    }
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// The memory goes into the VM's disk: where it may not fit, the disks are kept alone, or nothing where it was asked for.
#[test]
fn a_memory_that_does_not_fit_is_not_saved() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let pool = sandbox.root().join("small");
    sandbox.tmpfs_at(&pool, "16M");
    sandbox.vmtools(&["config", "--set", &format!("storage.path={}", pool.display())]).run().success();
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let refused = snapshot(&sandbox, &["create", "web", "--memory"]).code(1);
    refused.stderr_has("is free beside").stderr_has("--no-memory");
    let taken = snapshot(&sandbox, &["create", "web", "--json"]).success();
    assert_eq!((&taken.json()["memory"], &taken.json()["state"]), (&false.into(), &"disk_only".into()));
    taken.stderr_has("the memory of web is not saved");
    // Two at once of one name: one has it.
    let spawn = || sandbox.vmtools(&["snapshot", "create", "web", "--name", "same", "--no-memory"]).spawn();
    let both = (spawn(), spawn());
    let mut codes = [both.0.wait(MINUTE).status.code(), both.1.wait(MINUTE).status.code()];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)]);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
}

/// The disk fills up after vmtools has found that there is space, while QEMU writes the memory.
#[test]
fn a_disk_that_is_full_keeps_no_memory_and_harms_nobody() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let pool = sandbox.root().join("small");
    sandbox.tmpfs_at(&pool, "700M");
    sandbox.vmtools(&["config", "--set", &format!("storage.path={}", pool.display())]).run().success();
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    let (disk, sums) = (disk_of(&sandbox, "web"), bases(&sandbox));
    let ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]).run().success();
    // Memory that is none of zeros, and more than is left.
    ssh("dd if=/dev/urandom of=/tmp/filler bs=1M count=32 && echo kept >/data/word; sync");
    snapshot(&sandbox, &["create", "web", "--no-memory", "--name", "before"]).success();
    let filler = pool.join("filler");
    for more in [&["--json"][..], &["--memory", "--json"]] {
        let calls = HeldCalls::hold(&sandbox, "snapshot-create --domain", Passing::Kept);
        let args = [&["snapshot", "create", "web", "--name", "full"], more].concat();
        let mut running = sandbox.vmtools(&args).spawn();
        calls.await_call(&mut running);
        let eat = "fallocate -l $(($(df -B1 --output=avail \"$0\" | tail -n 1) - 8388608)) \"$0/filler\"";
        sandbox.as_root("sh", &["-c", eat, pool.to_str().unwrap()]).run().success();
        calls.go_on();
        let failed = running.wait(MINUTE * 5).code(1);
        drop(calls);
        let error = failed.json_error();
        assert_eq!(error["code"], "failed", "{failed}");
        assert!(error["message"].as_str().unwrap().contains("became full"), "{failed}");
        assert!(error["hint"].as_str().unwrap().contains("free some space"), "{failed}");
        assert!(!failed.stderr.contains("paused"), "{failed}");
        // There is none of that name, and the one before and the guest are as they were, while the disk is full still.
        assert_eq!(sandbox.state("web"), "running");
        assert_eq!(
            (names(&sandbox, "web"), in_file(&sandbox, &disk)),
            (owned(&["before"]), owned(&["before"]))
        );
        assert_eq!(ssh("cat /data/word").lines(), ["kept"]);
        sandbox.as_root("rm", &[&filler]).run().success();
    }
    snapshot(&sandbox, &["create", "web", "--memory", "--name", "full"]).success();
    ssh("rm /tmp/filler; echo lost >/data/word; sync");
    snapshot(&sandbox, &["revert", "web", "full", "--yes"]).success();
    assert_eq!(ssh("cat /data/word; ls /tmp/filler").lines(), ["kept", "/tmp/filler"]);
    snapshot(&sandbox, &["revert", "web", "before", "--off", "--yes"]).success();
    sandbox.exec(&["qemu-img", "check", "-q", &disk]);
    assert_eq!(bases(&sandbox), sums);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
}
