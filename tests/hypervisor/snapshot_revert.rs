//! VMs brought back to snapshots: what comes back, what stays, what forbids it, and what a killed revert leaves.

use super::support::{HeldCalls, Passing, Run, Sandbox, sandbox_or_skip};
use super::{MINUTE, create, nothing_is_left, own_volumes, unbootable_image};

/// The VM's own system disk.
fn disk(sandbox: &Sandbox, vm: &str) -> String {
    let status = sandbox.vmtools(&["status", vm, "--json"]).run().success().json();
    status["disks"][0]["path"].as_str().unwrap().to_owned()
}

/// Writes that byte to the disk of a VM that is off.
fn write(sandbox: &Sandbox, path: &str, byte: u8) {
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", &format!("write -q -P {byte} 64M 1M"), path]);
}

#[track_caller]
fn holds(sandbox: &Sandbox, path: &str, byte: u8) {
    let read = format!("read -P {byte} 64M 1M");
    let run = sandbox.exec(&["qemu-io", "-U", "-r", "-f", "qcow2", "-c", &read, path]);
    assert!(!run.stdout.contains("verification failed"), "{byte}: {run}");
}

fn stored(sandbox: &Sandbox, vm: &str) -> String {
    sandbox.virsh(&["dumpxml", "--inactive", vm]).stdout
}

/// Nothing of a revert is left in the VM, in its snapshots and in this user's directories.
#[track_caller]
fn is_settled(sandbox: &Sandbox, vm: &str) {
    assert!(!stored(sandbox, vm).contains("urn:vmtools:reverting"), "{vm}");
    for name in sandbox.virsh(&["snapshot-list", "--name", vm]).lines() {
        let document = sandbox.virsh(&["snapshot-dumpxml", vm, &name]).stdout;
        assert!(!document.contains("urn:vmtools:reverting"), "{name}");
    }
    let folder = sandbox.home().join(".local/state/vmtools/reverts");
    assert_eq!(sandbox.files_under(folder), Vec::<String>::new());
}

fn bases(sandbox: &Sandbox) -> Vec<String> {
    let mut files = sandbox.volumes();
    files.retain(|path| path.contains("/vmtools-base-"));
    sandbox.as_root("sha256sum", &files).run().success().lines()
}

#[test]
fn what_is_of_today_stays_and_the_rest_is_as_it_was() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["-l", "which=then"]).run().success();
    let before = bases(&sandbox);
    let path = disk(&sandbox, "web");
    write(&sandbox, &path, 1);
    vmtools(&["snapshot", "create", "web", "--name", "s1"]).success();
    write(&sandbox, &path, 2);
    vmtools(&["clone", "web", "low", "--linked"]).success();
    let refused = vmtools(&["snapshot", "revert", "web", "s1", "--yes", "--json"]).code(5).stderr_has("low");
    assert!(refused.json_error()["hint"].is_string(), "{refused}");
    vmtools(&["delete", "--force", "low"]).success();
    vmtools(&["disk", "add", "web", "16M"]).success();
    vmtools(&["set", "web", "-m", "300", "--label", "which=now", "--ttl", "1h"]).success();
    vmtools(&["protect", "web"]).success();
    let added = own_volumes(&sandbox).into_iter().find(|file| file.contains("vdc") || file.contains("disk2"));
    let added = added.unwrap_or_else(|| panic!("{:?}", own_volumes(&sandbox)));

    let plan = vmtools(&["snapshot", "revert", "web", "s1", "--dry-run", "--json"]).success().json();
    assert_eq!((&plan["state_after"], &plan["config"]), (&"shutoff".into(), &"then".into()), "{plan}");
    assert_eq!(plan["detached"][0]["path"], *added, "{plan}");
    assert!(plan["changes"].to_string().contains("memory_mib"), "{plan}");
    vmtools(&["snapshot", "revert", "web", "s1"]).code(2).stderr_has("--yes");
    vmtools(&["snapshot", "revert", "web", "s2", "--yes"]).code(3).stderr_has("s1");
    vmtools(&["snapshot", "revert", "web", "s1", "--config", "now", "--yes"])
        .code(5)
        .stderr_has("--config then");
    holds(&sandbox, &path, 2);

    let done = vmtools(&["snapshot", "revert", "web", "s1", "--yes", "--json"]).success();
    assert_eq!((&done.json()["state"], &done.json()["plan"]["snapshot"]), (&"shutoff".into(), &"s1".into()));
    holds(&sandbox, &path, 1);
    let status = vmtools(&["status", "web", "--json"]).success().json();
    assert_eq!(status["labels"]["which"], "now", "{status}");
    assert_eq!((&status["protected"], &status["memory_mib"]), (&true.into(), &256.into()), "{status}");
    assert!(status["ttl_expires"].is_string(), "{status}");
    let xml = stored(&sandbox, "web");
    assert!(xml.contains("urn:vmtools:parent:1") && xml.contains(&added), "{xml}");
    assert!(!xml.contains(&format!("file='{added}'")), "{xml}");
    let document = sandbox.virsh(&["snapshot-dumpxml", "web", "s1"]).stdout;
    assert!(document.contains("then") && !document.contains("'now'"), "{document}");
    is_settled(&sandbox, "web");
    assert_eq!(bases(&sandbox), before);
    let garbage = vmtools(&["gc", "--dry-run"]).success();
    assert!(!garbage.stdout.contains("web"), "{garbage}");
    // The file of the disk that was detached goes with the VM.
    vmtools(&["unprotect", "web"]).success();
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

#[test]
fn the_configuration_is_of_now_or_of_then() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let memory = |vm: &str| {
        let xml = stored(&sandbox, vm);
        xml.split("<memory unit='KiB'>").nth(1).unwrap().split('<').next().unwrap().parse::<u64>().unwrap()
            / 1024
    };
    create(&sandbox, "web", &image, &[]).run().success();
    vmtools(&["snapshot", "create", "web", "--name", "off"]).success();
    vmtools(&["start", "web"]).success();
    vmtools(&["snapshot", "create", "web", "--name", "mem", "--memory"]).success();
    vmtools(&["stop", "--force", "web"]).success();
    vmtools(&["set", "web", "-m", "300"]).success();
    for name in ["off", "mem"] {
        vmtools(&["snapshot", "revert", "web", name, "--config", "now", "--yes"]).success();
        assert_eq!(memory("web"), 300, "{name}");
        is_settled(&sandbox, "web");
    }
    // The memory is of the machine that was; what starts next has the other.
    assert_eq!(sandbox.state("web"), "running");
    assert!(sandbox.virsh(&["dumpxml", "web"]).stdout.contains("<memory unit='KiB'>262144<"));
    for name in ["mem", "off"] {
        vmtools(&["snapshot", "revert", "web", name, "--off", "--yes"]).success();
        assert_eq!((memory("web"), sandbox.state("web").as_str()), (256, "shut off"), "{name}");
        vmtools(&["set", "web", "-m", "300"]).success();
    }
    vmtools(&["snapshot", "revert", "web", "off", "--start", "--yes"]).success();
    assert_eq!(sandbox.state("web"), "running");
    // One that runs boots from the disks of then.
    vmtools(&["snapshot", "revert", "web", "off", "--yes"]).success();
    assert_eq!(sandbox.state("web"), "running");
    let saved = ["snapshot", "revert", "web", "off", "--save-first=before", "--off", "--yes", "--json"];
    assert_eq!(vmtools(&saved).success().json()["saved_as"], "before");
    assert_eq!(sandbox.virsh(&["snapshot-list", "--name", "web"]).lines().len(), 3);
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

#[test]
fn what_would_do_harm_is_refused() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start"]).run().success();
    vmtools(&["snapshot", "create", "web", "--name", "s1", "--no-memory"]).success();
    let path = disk(&sandbox, "web");
    sandbox.virsh(&["managedsave", "web"]);
    let before = sandbox.as_root("sha256sum", &[&path]).run().success().stdout;
    vmtools(&["snapshot", "revert", "web", "s1", "--yes"]).code(5).stderr_has("--discard-saved");
    assert_eq!(sandbox.as_root("sha256sum", &[&path]).run().success().stdout, before);
    vmtools(&["snapshot", "revert", "web", "s1", "--yes", "--discard-saved"]).success();
    assert!(!sandbox.virsh(&["list", "--all", "--with-managed-save"]).stdout.contains("web"));

    // Checkpoints of backups: QEMU would end.
    let checkpoint = sandbox.tmp().join("checkpoint.xml");
    std::fs::write(&checkpoint, "<domaincheckpoint><name>c1</name></domaincheckpoint>").unwrap();
    for start in [true, false] {
        vmtools(&["start", "web"]).success();
        sandbox.virsh(&["checkpoint-create", "web", checkpoint.to_str().unwrap()]);
        if !start {
            vmtools(&["stop", "--force", "web"]).success();
        }
        vmtools(&["snapshot", "revert", "web", "s1", "--yes"]).success();
        assert_eq!(sandbox.virsh(&["checkpoint-list", "--name", "web"]).lines(), Vec::<String>::new());
        assert_eq!(sandbox.state("web"), if start { "running" } else { "shut off" });
        vmtools(&["stop", "--force", "web"]).success();
    }

    // Somebody has deleted it in the disk.
    sandbox.exec(&["qemu-img", "snapshot", "-d", "s1", &path]);
    let before = sandbox.as_root("sha256sum", &[&path]).run().success().stdout;
    vmtools(&["snapshot", "revert", "web", "s1", "--yes"]).code(11).stderr_has("vda");
    assert_eq!(sandbox.as_root("sha256sum", &[&path]).run().success().stdout, before);
    is_settled(&sandbox, "web");
}

/// A revert killed at each of its steps: the next command says what has come of it, and the VM is the one or the other.
#[test]
fn a_killed_revert_is_settled_by_the_next_command() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["-l", "n=0"]).run().success();
    let path = disk(&sandbox, "web");
    write(&sandbox, &path, 1);
    vmtools(&["snapshot", "create", "web", "--name", "s1"]).success();
    vmtools(&["protect", "web"]).success();
    let reverted = "it has been completed";
    let unchanged = "before it changed anything";
    let steps = [
        ("snapshot-create", Passing::Kept, None),
        ("snapshot-create", Passing::Passed, None),
        ("metadata", Passing::Kept, None),
        ("metadata", Passing::Passed, Some(unchanged)),
        ("snapshot-revert", Passing::Kept, Some(unchanged)),
        ("snapshot-revert", Passing::Passed, Some(reverted)),
        ("metadata --remove", Passing::Kept, Some(reverted)),
    ];
    for (number, (call, passing, expected)) in steps.into_iter().enumerate() {
        for settles in ["set", "gc"] {
            let step = format!("{call} {passing:?} {settles}");
            write(&sandbox, &path, 2);
            // A mark of the same second as that write could be of the revert.
            sandbox.as_root("touch", &["-d", "-1 hour", &path]).run().success();
            vmtools(&["set", "web", "-m", "300"]).success();
            killed_revert(&sandbox, call, passing);
            let label = format!("n={number}");
            let next = match settles {
                "set" => vmtools(&["set", "web", "--label", &label]).success(),
                _ => vmtools(&["gc"]).success(),
            };
            match expected {
                Some(words) => assert!(next.stderr.contains(words), "{step}: {next}"),
                None => assert!(!next.stderr.contains("interrupted"), "{step}: {next}"),
            }
            if settles == "set" {
                vmtools(&["gc"]).success();
            }
            is_settled(&sandbox, "web");
            let is_reverted = expected == Some(reverted);
            holds(&sandbox, &path, if is_reverted { 1 } else { 2 });
            let status = vmtools(&["status", "web", "--json"]).success().json();
            let memory = if is_reverted { 256 } else { 300 };
            assert_eq!(
                (&status["memory_mib"], &status["protected"]),
                (&memory.into(), &true.into()),
                "{step}"
            );
        }
    }
}

/// A revert that is killed at that call.
#[track_caller]
fn killed_revert(sandbox: &Sandbox, call: &str, passing: Passing) {
    let held = HeldCalls::hold(sandbox, call, passing);
    let mut running = sandbox.vmtools(&["snapshot", "revert", "web", "s1", "--yes"]).spawn();
    held.await_call(&mut running);
    running.signal("KILL");
    running.wait(MINUTE);
}

/// libvirt's daemon, killed as it reverts a VM that is off, has done some of the disks, and not the definition.
#[test]
fn a_revert_of_which_libvirt_has_done_a_part_is_done_again() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &[]).run().success();
    let path = disk(&sandbox, "web");
    write(&sandbox, &path, 1);
    vmtools(&["snapshot", "create", "web", "--name", "s1"]).success();
    write(&sandbox, &path, 2);
    vmtools(&["set", "web", "-m", "300"]).success();
    killed_revert(&sandbox, "snapshot-revert", Passing::Kept);
    sandbox.exec(&["qemu-img", "snapshot", "-a", "s1", &path]);
    // A linked clone needs what the disk really is.
    vmtools(&["clone", "web", "low", "--linked"]).success().stderr_has("it has been completed");
    holds(&sandbox, &path, 1);
    assert!(stored(&sandbox, "web").contains("<memory unit='KiB'>262144<"));
    is_settled(&sandbox, "web");
    vmtools(&["delete", "--force", "low"]).success();

    // Whoever has used it since loses nothing.
    killed_revert(&sandbox, "snapshot-revert", Passing::Kept);
    write(&sandbox, &path, 3);
    sandbox.as_root("touch", &["-d", "+1 hour", &path]).run().success();
    vmtools(&["start", "web"]).success().stderr_has("left as it is");
    holds(&sandbox, &path, 3);
    is_settled(&sandbox, "web");
    vmtools(&["stop", "--force", "web"]).success();

    // A snapshot that is deleted meanwhile stays deleted.
    killed_revert(&sandbox, "snapshot-create", Passing::Passed);
    sandbox.virsh(&["snapshot-delete", "web", "s1"]);
    vmtools(&["gc"]).success();
    assert_eq!(sandbox.virsh(&["snapshot-list", "--name", "web"]).lines(), Vec::<String>::new());
    is_settled(&sandbox, "web");
}

#[test]
fn a_guest_goes_on_where_it_was() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start", "--wait=agent"]).run().success();
    let before = bases(&sandbox);
    let ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]).run();
    ssh("echo then >/tmp/memory; echo then >/data/disk; sync").success();
    vmtools(&["snapshot", "create", "web", "--name", "mem", "--memory"]).success();
    ssh("echo now >/tmp/memory; echo now >/data/disk; sync").success();
    let done = vmtools(&["snapshot", "revert", "web", "mem", "--yes", "--json"]).success();
    assert_eq!(done.json()["state"], "running", "{done}");
    let see = "cat /tmp/memory /data/disk";
    assert_eq!(ssh(see).success().stdout, "then\nthen\n");
    is_settled(&sandbox, "web");

    // A command that leaves nothing behind, by ssh and by the agent, with its own status.
    let run = |more: &[&str], script: &str| -> Run {
        let args = [&["snapshot", "run", "web"], more, &["--", "sh", "-c", script]].concat();
        sandbox.vmtools(&args).run()
    };
    let by_ssh =
        run(&[], "'echo run >/tmp/memory; echo run >/data/disk; sync; cat /data/disk; exit 7'").code(7);
    assert_eq!(by_ssh.stdout, "run\n", "{by_ssh}");
    assert_eq!(ssh(see).success().stdout, "then\nthen\n");
    run(&["--agent"], "echo run >/tmp/memory; exit 3").code(3);
    assert_eq!(ssh(see).success().stdout, "then\nthen\n");
    let names = || sandbox.virsh(&["snapshot-list", "--name", "web"]).lines();
    assert_eq!(names(), ["mem"]);
    let kept = run(&["--keep-on-failure"], "'echo kept >/tmp/memory; exit 4'").code(4);
    assert!(kept.stderr.contains("snapshot revert web run-"), "{kept}");
    assert_eq!((ssh(see).success().stdout.as_str(), names().len()), ("kept\nthen\n", 2));
    // Interrupted, too.
    let args = ["snapshot", "run", "web", "--", "echo run >/tmp/memory; echo begun; sleep 600"];
    let mut running = sandbox.vmtools(&args).spawn();
    super::support::wait_for("the command", MINUTE, || running.stdout().contains("begun").then_some(()));
    running.signal_group("INT");
    let ended = running.wait(MINUTE);
    assert_ne!(ended.status.code(), Some(0), "{ended}");
    assert_eq!((ssh(see).success().stdout.as_str(), names().len()), ("kept\nthen\n", 2));
    assert_eq!(bases(&sandbox), before);
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}
