//! What is told of running guests, against what the guests do and the host counts; and what comes between.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Background, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, define_empty, said};

/// The whole lines that it has printed.
fn samples(running: &Background) -> Vec<Value> {
    let text = running.stdout();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits for a sample of which this holds, among those that come from now on.
#[track_caller]
fn comes(what: &str, running: &Background, holds: impl Fn(&Value) -> bool) -> Value {
    let seen = samples(running).len();
    wait_for(what, MINUTE, || samples(running).split_off(seen).into_iter().find(|sample| holds(sample)))
}

/// The sum of a rate over the time of the samples.
fn total(samples: &[Value], rate: &str) -> f64 {
    let part =
        |sample: &Value| sample[rate].as_f64().unwrap_or(0.0) * sample["interval_seconds"].as_f64().unwrap();
    samples.iter().map(part).sum()
}

/// The processor time of a VM's QEMU, in seconds.
fn cpu_of_qemu(sandbox: &Sandbox, vm: &str) -> f64 {
    let script = "cat /proc/$(cat /run/libvirt/qemu/\"$0\".pid)/stat";
    let stat = sandbox.as_root("sh", &["-c", script, vm]).run().success().stdout;
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

#[test]
fn what_a_guest_does_is_what_is_told() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();
    let ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]);
    for (source, more) in [("qmp", &["web"][..]), ("domstats", &[])] {
        let watch = [&["monitor", "--json", "--interval", "500ms"], more].concat();
        let watching = sandbox.vmtools(&watch).spawn();
        let first = comes("a first sample", &watching, |sample| sample["cpu_percent"].is_number());
        assert_eq!(first["source"], source);

        // It burns its one processor.
        let mut burning = ssh("timeout 60 sh -c 'echo burns; while :; do :; done'").spawn();
        wait_for("the load", MINUTE, || burning.stdout().contains("burns").then_some(()));
        // QEMU's time is read before and after the first sample, and before and after the last.
        let sampled = |from: usize, more: usize| {
            wait_for("busy samples", MINUTE, || (samples(&watching).len() >= from + more).then_some(()));
        };
        let time = || (cpu_of_qemu(&sandbox, "web"), samples(&watching).len());
        let (before_first, from) = time();
        sampled(from, 2);
        let (after_first, _) = time();
        sampled(from, 11);
        let (before_last, to) = time();
        sampled(to, 2);
        let (after_last, _) = time();
        let busy = &samples(&watching)[from + 2..to + 2];
        burning.signal_group("TERM");
        let told = total(busy, "cpu_percent") / 100.0;
        let (least, most) = (before_last - after_first, after_last - before_first);
        assert!(
            least > 0.0 && (least - 0.05..most + 0.05).contains(&told),
            "{told} s are told, and QEMU used {least} to {most} s: {busy:?}"
        );
        let vcpu = busy.iter().map(|sample| sample["vcpu_percent"][0].as_f64().unwrap()).sum::<f64>();
        let whole = busy.iter().map(|sample| sample["cpu_percent"].as_f64().unwrap()).sum::<f64>();
        assert!(vcpu > 0.7 * whole && vcpu < 110.0 * busy.len() as f64, "{vcpu} of {whole}");

        // It writes 32 MiB.
        let from = samples(&watching).len();
        ssh("sudo dd if=/dev/zero of=/dev/vda bs=1M seek=100 count=32 && sync").run().success();
        comes("a sample after the writing", &watching, |sample| sample["disk_write_bytes_per_second"] == 0.0);
        let mib = total(&samples(&watching)[from..], "disk_write_bytes_per_second") / f64::from(1 << 20);
        assert!((31.9..33.0).contains(&mib), "{mib} MiB are told");

        // It sends 2 MiB and more.
        let from = samples(&watching).len();
        ssh("dd if=/dev/zero bs=1M count=2").run().success();
        comes("a sample after the sending", &watching, |sample| {
            sample["net_tx_bytes_per_second"].is_number()
        });
        comes("one more", &watching, |_| true);
        let sent = total(&samples(&watching)[from..], "net_tx_bytes_per_second") / f64::from(1 << 20);
        let received = total(&samples(&watching)[from..], "net_rx_bytes_per_second") / f64::from(1 << 20);
        assert!(sent > 2.0 && sent < 3.0 && received < 1.0, "{sent} MiB sent, {received} received");

        // It takes 64 MiB.
        let used = |sample: &Value| sample["memory_used_mib"].as_u64().unwrap_or(0);
        let before = used(&comes("what it uses", &watching, |sample| used(sample) > 0));
        ssh("sudo dd if=/dev/zero of=/run/block bs=1M count=64").run().success();
        let more = comes("more memory", &watching, |sample| used(sample) > before + 50);
        assert!(used(&more) < before + 90, "{before} MiB, then {more}");
        ssh("sudo rm /run/block").run().success();
        comes("less memory", &watching, |sample| used(sample) < before + 30);
    }
}

#[test]
fn a_monitor_lives_through_all_that_comes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=ip"]).run().success();
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run().success();
    let mut watching = sandbox.vmtools(&["monitor", "web", "--json", "--interval", "200ms"]).spawn();
    let is = |state: &'static str, source: &'static str| {
        move |sample: &Value| sample["state"] == state && sample["source"] == source
    };
    comes("the VM", &watching, is("running", "qmp"));
    // Its socket serves one at a time.
    let second = vmtools(&["monitor", "web", "--once", "--json"]).json();
    assert_eq!((&second["source"], &second["state"]), (&"domstats".into(), &"running".into()));
    vmtools(&["pause", "web"]);
    let held = comes("the pause", &watching, is("paused", "qmp"));
    assert!(held["cpu_percent"].is_number(), "{held}");
    vmtools(&["resume", "web"]);
    comes("its going on", &watching, is("running", "qmp"));
    // A disk that is plugged in counts.
    vmtools(&["disk", "add", "web", "1"]);
    comes("the VM with a disk", &watching, is("running", "qmp"));
    let before = samples(&watching).len();
    vmtools(&["ssh", "web", "--", "sudo dd if=/dev/zero of=/dev/vdc bs=1M count=8 && sync"]);
    comes("the writing to the new disk", &watching, |sample| sample["disk_write_bytes_per_second"] == 0.0);
    let mib = total(&samples(&watching)[before..], "disk_write_bytes_per_second") / f64::from(1 << 20);
    assert!((7.9..9.0).contains(&mib), "{mib} MiB");
    // A guest that goes off and comes again.
    vmtools(&["stop", "--force", "web"]);
    let off = comes("its end", &watching, |sample| sample["state"] == "shutoff");
    assert!(off["cpu_percent"].is_null() && off["memory_mib"] == 256, "{off}");
    sandbox.libvirtd_kill();
    said(&mut watching, "libvirt");
    sandbox.libvirtd_start();
    comes("libvirt's return", &watching, |sample| sample["state"] == "shutoff");
    vmtools(&["start", "web"]);
    comes("its new life", &watching, is("running", "qmp"));
    // QEMU hangs for a while.
    sandbox.as_root("sh", &["-c", "kill -STOP $(cat /run/libvirt/qemu/web.pid)"]).run().success();
    said(&mut watching, "does not answer");
    comes("a look at a VM that hangs", &watching, is("running", "domstats"));
    sandbox.as_root("sh", &["-c", "kill -CONT $(cat /run/libvirt/qemu/web.pid)"]).run().success();
    comes("its going on", &watching, |sample| sample["cpu_percent"].is_number());
    // QMP is tried again half a minute after it failed.
    comes("QMP's return", &watching, is("running", "qmp"));
    // Without libvirt it is looked at all the same.
    sandbox.libvirtd_kill();
    comes("a look without libvirt", &watching, is("running", "qmp"));
    sandbox.libvirtd_start();
    // QEMU is killed.
    sandbox.as_root("sh", &["-c", "kill -KILL $(cat /run/libvirt/qemu/web.pid)"]).run().success();
    comes("its crash", &watching, |sample| sample["state"] == "shutoff");
    vmtools(&["delete", "--force", "web"]);
    let gone = watching.wait(MINUTE).code(3);
    assert_eq!(gone.json_error()["vm"], "web", "{gone}");
}

#[test]
fn a_vm_of_others_gets_a_socket_and_keeps_its_secrets() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let xml = "<domain type='qemu'><name>it's \"theirs\", 5</name><memory unit='MiB'>64</memory>\
        <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\
        <graphics type='vnc' autoport='yes' passwd='s3cret'/><memballoon model='virtio'/></devices></domain>";
    sandbox.command("virsh", &["-c", sandbox.uri(), "define", "/dev/stdin"]).stdin(xml).run().success();
    let name = "it's \"theirs\", 5";
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    vmtools(&["start", name]).success();
    let sample = || vmtools(&["monitor", name, "--once", "--json", "--interval", "100ms"]).success().json();
    assert_eq!(sample()["source"], "domstats");
    // What its guest uses is asked for, once.
    assert!(sandbox.virsh(&["dumpxml", name]).stdout.contains("<stats period='5'/>"));
    let enabled = vmtools(&["monitor", "--enable", name, "-vv", "--json"]).success();
    assert_eq!(enabled.json()["on_next_start"], true, "{enabled}");
    assert!(!enabled.stderr.contains("s3cret"), "{enabled}");
    vmtools(&["monitor", "--enable", name]).success().stderr_has("already");
    assert_eq!(sample()["source"], "domstats");
    vmtools(&["stop", "--force", name]).success();
    vmtools(&["start", name]).success();
    assert_eq!(sample()["source"], "qmp");
    assert!(sandbox.virsh(&["dumpxml", "--inactive", "--security-info", name]).stdout.contains("s3cret"));
    let csv = vmtools(&["monitor", "--once", "--csv", "--interval", "100ms"]).success();
    assert!(csv.stdout.contains(",\"it's \"\"theirs\"\", 5\","), "{csv}");
    vmtools(&["monitor", "--enable", "nosuch", name, "--json"]).code(10);
}

#[test]
fn prometheus_is_served_and_written() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    define_empty(&sandbox, &["off", "on"]);
    sandbox.virsh(&["start", "on"]);
    let mut serving = sandbox.vmtools(&["monitor", "--prometheus", "0"]).spawn();
    said(&mut serving, "http://127.0.0.1:");
    let port = serving
        .stderr()
        .split("127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap()
        .to_owned();
    let ask = |request: &str| {
        let script =
            "exec 3<>/dev/tcp/127.0.0.1/\"$0\"; printf '%s HTTP/1.0\\r\\n\\r\\n' \"$1\" >&3; cat <&3";
        sandbox.command("bash", &["-c", script, &port, request]).run().success().stdout
    };
    let cpu = |text: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix("vmtools_vm_cpu_seconds_total{vm=\"on\"} "));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_else(|| panic!("{text}"))
    };
    let first = ask("GET /metrics");
    assert!(first.starts_with("HTTP/1.0 200 OK\r\n"), "{first}");
    assert!(first.contains("content-type: text/plain; version=0.0.4"), "{first}");
    for line in [
        "vmtools_libvirt_up 1",
        "vmtools_vm_state{vm=\"off\",state=\"shutoff\"} 1",
        "vmtools_vm_memory_bytes{vm=\"on\"} 33554432",
    ] {
        assert!(first.lines().any(|found| found == line), "{line} in {first}");
    }
    assert!(!first.contains("cpu_seconds_total{vm=\"off\"}"), "{first}");
    wait_for("more processor time", MINUTE, || (cpu(&ask("GET /metrics")) > cpu(&first)).then_some(()));
    assert!(ask("GET /other").starts_with("HTTP/1.0 404"));
    assert!(ask("POST /metrics").starts_with("HTTP/1.0 405"));
    // A client that says nothing holds nobody up.
    let _silent =
        sandbox.command("bash", &["-c", "exec 3<>/dev/tcp/127.0.0.1/\"$0\"; cat <&3", &port]).spawn();
    ask("GET /metrics");
    sandbox.vmtools(&["monitor", "--prometheus", &port]).run().code(4);
    // A daemon that hangs holds no scrape up: what was seen last is told, as such.
    sandbox.libvirtd_freeze();
    for _ in 0..2 {
        let asked = Instant::now();
        let stale = ask("GET /metrics");
        assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
        assert!(stale.contains("vmtools_sample_stale 1") && stale.contains("vm=\"on\""), "{stale}");
    }
    sandbox.libvirtd_thaw();
    wait_for("a look of the moment", MINUTE, || {
        let text = ask("GET /metrics");
        (text.contains("vmtools_sample_stale 0") && text.contains("vmtools_libvirt_up 1")).then_some(())
    });
    sandbox.libvirtd_kill();
    let down = ask("GET /metrics");
    assert!(down.contains("vmtools_libvirt_up 0") && !down.contains("vm=\"on\""), "{down}");
    sandbox.libvirtd_start();
    wait_for("libvirt's return", MINUTE, || {
        ask("GET /metrics").contains("vmtools_libvirt_up 1").then_some(())
    });
    serving.signal_group("INT");
    serving.wait(MINUTE).code(130);

    let file = sandbox.home().join("vmtools.prom");
    let path = file.to_str().unwrap();
    sandbox.vmtools(&["monitor", "--textfile", path, "--once"]).run().success();
    let text = sandbox.exec(&["cat", path]).stdout;
    assert!(text.contains("vmtools_vm_cpu_seconds_total{vm=\"on\"}"), "{text}");
    assert_eq!(sandbox.exec(&["stat", "-c", "%a", path]).stdout, "644\n");
    let promtool = sandbox.command("sh", &["-c", "command -v promtool || true"]).run().success();
    if !promtool.stdout.is_empty() {
        sandbox.command("promtool", &["check", "metrics"]).stdin(&text).run().success();
    }
    sandbox
        .vmtools(&["monitor", "--textfile", "/nosuch/x.prom", "--once"])
        .run()
        .code(1)
        .stderr_has("cannot write");
}

#[test]
fn a_look_starts_one_virsh() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    define_empty(&sandbox, &["a", "b", "c"]);
    for name in ["a", "b"] {
        sandbox.virsh(&["start", name]);
    }
    for args in [
        &["--count", "3"][..],
        &["a", "--count", "3"],
        &["a", "b", "--count", "2", "--csv"],
        &["-a", "--once"],
    ] {
        let args = [&["monitor", "--interval", "100ms"], args].concat();
        let counted = sandbox.count_processes(&args);
        assert_eq!(
            (counted.run.status.code(), counted.log.len()),
            (Some(0), 1),
            "{}: {:?}",
            counted.run,
            counted.log
        );
    }
    let table = sandbox.vmtools(&["monitor", "-a", "--once", "--sort", "name"]).run().success();
    let names: Vec<String> =
        table.lines().iter().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect();
    assert_eq!(names, ["NAME", "a", "b", "c"]);
    sandbox.vmtools(&["monitor", "a", "nosuch", "--once"]).run().code(3);
}
