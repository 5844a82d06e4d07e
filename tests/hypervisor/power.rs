//! Stopping, restarting, pausing: one VM, many, and guests that don't heed.

use super::support::{Run, Sandbox, is_thorough, sandbox_or_skip, wait_for};
use super::{MINUTE, create, define_empty, empty_domain, said, word};

#[test]
fn a_vm_is_paused_resumed_and_restarted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();

    let paused = vmtools(&["pause", "web", "--json"]).success();
    assert_eq!(
        (word(&paused, "state").as_str(), paused.json()["already"].as_bool()),
        ("paused", Some(false))
    );
    vmtools(&["pause", "web"]).success().stderr_has("already paused");
    for verb in [&["stop", "web"][..], &["restart", "web"], &["exec", "web", "--", "true"], &["ssh", "web"]] {
        vmtools(verb).code(5).stderr_has("the VM web is paused").stderr_has("vmtools resume web");
    }
    vmtools(&["cp", "web:/etc/passwd", "."]).code(5).stderr_has("vmtools resume web");
    assert_eq!(vmtools(&["resume", "web"]).success().stdout, "web is running\n");
    vmtools(&["resume", "web"]).success().stderr_has("already running");

    let qemu = || sandbox.as_root("cat", &["/run/libvirt/qemu/web.pid"]).run().success().stdout;
    let before = qemu();
    let restarted = vmtools(&["restart", "web", "--wait=ssh", "--json"]).success();
    assert_eq!(word(&restarted, "state"), "running");
    assert_ne!(qemu(), before);

    // Neither the button is heeded, nor does the agent answer.
    vmtools(&["wait", "web", "--for", "agent"]).success();
    vmtools(&["ssh", "web", "--", "sudo rm -r /etc/acpi/PWRF; sudo killall -STOP qemu-ga"]).success();
    let silent = vmtools(&["exec", "web", "--timeout", "2s", "--", "true"]).code(6);
    silent.stderr_has("within '2' seconds");
    let heedless = vmtools(&["stop", "web", "--timeout", "7s", "--json"]).code(6);
    assert_eq!(heedless.json_error()["code"], "timeout", "{heedless}");
    vmtools(&["restart", "web", "--timeout", "1s"]).code(6).stderr_has("vmtools restart web --force");
    assert_eq!(sandbox.state("web"), "running");
    // Now the agent does.
    vmtools(&["ssh", "web", "--", "sudo killall -CONT qemu-ga"]).success();
    vmtools(&["stop", "web"]).success();
    for verb in ["pause", "resume"] {
        vmtools(&[verb, "web"]).code(5).stderr_has("vmtools start web");
    }
    vmtools(&["restart", "web"]).success().stderr_has("was shut off");
    let before = qemu();
    vmtools(&["restart", "web", "--force"]).success();
    assert_ne!(qemu(), before);

    let mut waiting = sandbox.vmtools(&["stop", "web", "--timeout", "60s", "-v"]).spawn();
    said(&mut waiting, "shutdown --mode acpi");
    waiting.signal_group("INT");
    waiting.wait(MINUTE).code(130).stderr_has("may still do so");
    // Of its QEMU that hangs it is not said that the daemon does.
    let hold = |signal: &str| {
        let script = format!("kill -{signal} $(cat /run/libvirt/qemu/web.pid)");
        sandbox.as_root("sh", &["-c", &script]).run().success();
    };
    hold("STOP");
    let status = vmtools(&["status", "web"]).code(6).stderr_has("the QEMU of the VM web does not answer");
    status.stderr_has("vmtools stop web --force");
    // It holds nothing back of what is known of others.
    create(&sandbox, "other", &image, &[]).run().success();
    let listed = vmtools(&["list", "--all", "--json"]).success().stderr_has("does not answer");
    let rows = listed.json();
    let managed: Vec<_> = rows.as_array().unwrap().iter().map(|vm| (&vm["name"], &vm["managed"])).collect();
    assert_eq!(managed, [(&"other".into(), &true.into()), (&"web".into(), &false.into())]);
    vmtools(&["delete", "--force", "--all"]).success().stdout_has("deleted other");
    hold("CONT");
    vmtools(&["delete", "--force", "web"]).success();
    vmtools(&["stop", "--all"]).success().stderr_has("no VM matches");
}

#[test]
fn a_daemon_that_is_restarted_does_not_end_a_stop() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();
    // It goes off only after the daemon has come back.
    let button = "echo '#!/bin/sh\nsleep 6; exec poweroff' | sudo tee /etc/acpi/PWRF/00000080";
    sandbox.vmtools(&["ssh", "web", "--", button]).run().success();
    sandbox.vmtools(&["ssh", "web", "--", "sudo killall qemu-ga"]).run();
    let mut stopping = sandbox.vmtools(&["stop", "web", "-v"]).spawn();
    said(&mut stopping, "shutdown --mode acpi");
    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    let run = stopping.wait(MINUTE).success();
    assert_eq!(run.stdout, "web is shutoff\n", "{run}");
}

#[test]
fn a_daemon_that_is_restarted_does_not_end_a_stop_of_many() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "ci", &image, &["--count", "3"]).run().success();
    let names = ["ci-1", "ci-2", "ci-3"];
    sandbox.vmtools(&["start", "--all", "--wait=ssh"]).run().success();
    let files = super::own_volumes(&sandbox);
    for name in names {
        // It goes off only after the daemon has come back, and by the button alone.
        let slow = "echo '#!/bin/sh\nsleep 6; exec poweroff' | sudo tee /etc/acpi/PWRF/00000080; sudo killall qemu-ga";
        sandbox.vmtools(&["ssh", name, "--", slow]).run();
    }
    let mut stopping = sandbox.vmtools(&[&["stop", "-v"][..], &names].concat()).spawn();
    wait_for("all to be asked", MINUTE, || {
        let asked = stopping.stderr().matches("shutdown --mode acpi").count();
        (asked >= names.len() || !stopping.is_running()).then_some(())
    });
    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    let run = stopping.wait(MINUTE).success();
    assert_eq!(run.lines(), names.map(|name| format!("{name} is shutoff")), "{run}");
    assert_eq!((sandbox.domains().len(), super::own_volumes(&sandbox)), (3, files));
    // Pulled plugs, too: what the daemon did not hear of is said, and a second one finishes.
    sandbox.vmtools(&["start", "--all"]).run().success();
    let mut forced = sandbox.vmtools(&[&["stop", "--force", "-v"][..], &names].concat()).spawn();
    said(&mut forced, "destroy");
    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    let run = forced.wait(MINUTE);
    for name in names {
        let off = sandbox.state(name) == "shut off";
        let told = run.stdout.contains(&format!("{name} is shutoff"));
        assert!(off || !told && run.stderr.contains(name), "{name}: {run}");
    }
    sandbox.vmtools(&[&["stop", "--force"][..], &names].concat()).run().success();
    sandbox.vmtools(&[&["delete", "--force"][..], &names].concat()).run().success();
    super::nothing_is_left(&sandbox);
}

#[test]
fn many_are_stopped_at_once_in_one_virsh() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "ci", &image, &["--count", "3"]).run().success();
    sandbox.vmtools(&["start", "--all", "--wait=ssh"]).run().success();
    let names = ["ci-3", "ci-1", "none"];
    let counted = sandbox.count_processes(&[&["stop", "-v"][..], &names].concat());
    let run = counted.run.code(10);
    assert_eq!(run.stdout, "ci-3 is shutoff\nci-1 is shutoff\n", "{run}");
    assert!(run.stderr.contains("no VM \"none\""), "{run}");
    assert_eq!(counted.log.iter().filter(|line| line.starts_with("virsh")).count(), 1, "{:?}", counted.log);
    // The second is asked before the first is off.
    assert_eq!(run.stderr.matches("--mode acpi").count(), 2, "{run}");
    assert_eq!(sandbox.state("ci-2"), "running");
    sandbox.vmtools(&["delete", "--force", "--all"]).run().success();
    super::nothing_is_left(&sandbox);
}

#[test]
fn many_vms_of_others_are_started_stopped_and_deleted_in_one_command_each() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let odd = ["5", "a b", "--x", "it's", "\"q\"", "naïve", "a;b", "<&>", "-"];
    let count = if is_thorough() { 50 } else { 16 };
    let plain: Vec<String> = (odd.len()..count).map(|number| format!("vm{number}")).collect();
    let names: Vec<&str> = odd.iter().copied().chain(plain.iter().map(String::as_str)).collect();
    define_empty(&sandbox, &names);
    let all = |verb: &[&str], names: &[&str]| -> Run {
        let run = sandbox.vmtools(&[verb, &["--"], names].concat()).run().success();
        let done: Vec<String> = run.json().as_array().unwrap().iter().map(name).collect();
        assert_eq!(done, names, "{run}");
        run
    };
    all(&["start", "--json"], &names);
    for (verb, state) in [("pause", "paused"), ("resume", "running")] {
        let run = all(&[verb, "--json"], &names);
        assert!(run.json().as_array().unwrap().iter().all(|vm| vm["state"] == state), "{run}");
    }
    all(&["restart", "--force", "--json"], &odd);
    // There is nothing in them that could heed.
    let asked = sandbox.vmtools(&[&["stop", "--timeout", "2s", "--"][..], &names].concat()).run();
    asked.code(6).stderr_has("--force");
    all(&["stop", "--force", "--json"], &names);
    all(&["delete", "--force", "--json"], &names);

    // One that was never defined is not restarted: it would be gone.
    let create = sandbox.command("virsh", &["-c", sandbox.uri(), "create", "/dev/stdin"]);
    create.stdin(empty_domain("fleeting")).run().success();
    sandbox.vmtools(&["restart", "--force", "fleeting"]).run().code(5).stderr_has("virsh reboot");
    sandbox.vmtools(&["stop", "--force", "fleeting"]).run().success().stdout_has("fleeting is shutoff");
    assert_eq!(sandbox.domains(), Vec::<String>::new());
    wait_for("all QEMUs' end", MINUTE, || {
        sandbox.processes().iter().all(|process| !process.contains("qemu-system")).then_some(())
    });
}

fn name(vm: &serde_json::Value) -> String {
    vm["name"].as_str().unwrap_or_default().to_owned()
}
