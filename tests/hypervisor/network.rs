//! Networks from create to delete, and guests that are plugged in and out.

use super::support::{Run, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, unbootable_image, word};

const STATUS: [&str; 16] = [
    "name",
    "uuid",
    "active",
    "autostart",
    "persistent",
    "mode",
    "forward",
    "bridge",
    "addresses",
    "subnets",
    "dhcp",
    "dhcp_ranges",
    "dns",
    "domain",
    "lease_count",
    "vms",
];

/// The names of all networks, sorted.
#[track_caller]
fn networks(sandbox: &Sandbox) -> Vec<String> {
    let mut names = sandbox.virsh(&["net-list", "--all", "--name"]).lines();
    names.sort();
    names
}

#[test]
fn networks_of_every_mode_from_create_to_delete() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let network = |args: &[&str]| sandbox.vmtools(&[&["network"], args].concat()).run();
    let lab = ["lab", "--mode", "isolated", "--domain", "Lab.test", "--json"];
    let made = network(&[&["create"][..], &lab].concat()).success();
    let json = made.json();
    for field in STATUS {
        assert!(json.get(field).is_some(), "no {field}: {made}");
    }
    assert_eq!((word(&made, "mode").as_str(), word(&made, "domain").as_str()), ("isolated", "lab.test"));
    assert_eq!((&json["active"], &json["autostart"]), (&true.into(), &true.into()), "{made}");
    // Not libvirt's default, which has 192.168.122.0/24.
    assert_eq!(json["subnets"][0], "192.168.123.0/24", "{made}");

    network(&["create", "lab"]).code(4).stderr_has("hint: ");
    network(&["create", "x", "--subnet", "192.168.122.128/25"]).code(4).stderr_has("the network default");
    network(&["create", "x", "--subnet", "198.51.0.0/16"]).code(4).stderr_has("this host");
    network(&["create", "x", "--mode", "bridge", "--bridge", "br0"]).code(3);
    network(&["create", "x", "--mode", "bridge", "--bridge", "out0"]).code(2).stderr_has("not a bridge");
    network(&["create", "x", "--dry-run"]).success().stdout_has("192.168.124.0/24");
    network(&["create", "x", "--print-xml"]).success().stdout_has("<forward mode=\"nat\"/>");
    assert_eq!(networks(&sandbox), ["default", "lab"]);

    sandbox.exec(&["ip", "link", "add", "br0", "type", "bridge"]);
    network(&["create", "lan", "--mode", "bridge", "--bridge", "br0"]).success();
    network(&["create", "net", "--mode", "routed", "--subnet", "10.9.0.0/28", "--no-dns"]).success();
    network(&["create", "raw", "--mode", "open", "--no-dhcp", "--no-start", "--no-autostart"]).success();
    let listed = network(&["list", "--json"]).success();
    assert_eq!(listed.stdout, sandbox.vmtools(&["networks", "--json"]).run().success().stdout);
    let of = |name: &str| {
        let all = listed.json();
        all.as_array().unwrap().iter().find(|network| network["name"] == name).unwrap().clone()
    };
    assert_eq!((&of("lan")["mode"], &of("lan")["bridge"]), (&"bridge".into(), &"br0".into()));
    assert_eq!((&of("net")["forward"], &of("net")["dns"]), (&"route".into(), &false.into()));
    assert_eq!(of("net")["dhcp_ranges"][0]["end"], "10.9.0.14");
    assert_eq!((&of("raw")["active"], &of("raw")["dhcp"]), (&false.into(), &false.into()));
    let table = sandbox.vmtools(&["networks"]).run().success();
    assert!(table.stdout.starts_with("NAME "), "{table}");

    network(&["start", "raw", "raw"]).success().stderr_has("already active");
    network(&["stop", "raw", "lab"]).success().stdout_has("raw is inactive\nlab is inactive");
    network(&["stop", "raw", "none"]).code(10).stderr_has("already inactive");
    network(&["autostart", "raw"]).success();
    network(&["autostart", "lab", "--off"]).success();
    assert_eq!(
        sandbox.virsh(&["net-list", "--all", "--autostart", "--name"]).lines(),
        ["default", "lan", "net", "raw"]
    );
    network(&["info", "none"]).code(3).stderr_has("hint: ");
    let info = network(&["info", "net", "--json"]).success();
    for field in ["cards", "leases", "reservations"] {
        assert_eq!(info.json()[field], serde_json::json!([]), "{info}");
    }
    network(&["delete", "lab", "--dry-run"]).success().stdout_has("192.168.123.0/24");
    // What is asked about comes before whether there is a terminal to ask on.
    for args in [&["delete", "none"][..], &["set", "none", "--fast"]] {
        network(args).code(3).stderr_has("none");
    }
    network(&["delete", "none", "--if-exists"]).success().stderr_has("no network none");
    network(&["delete", "lab"]).code(2).stderr_has("--yes").stderr_has("hint: ");
    network(&["delete", "none", "lab"]).code(2).stderr_has("--yes");
    network(&["delete", "lab", "lan", "net", "raw", "none", "--yes", "--if-exists"]).success();
    assert_eq!(networks(&sandbox), ["default"]);
    // The host's own bridge is not libvirt's to remove.
    sandbox.exec(&["ip", "link", "show", "br0"]);
}

#[test]
fn networks_that_cannot_be_made_leave_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let network = |args: &[&str]| sandbox.vmtools(&[&["network"], args].concat());
    let both = |one: &str, two: &str| -> [Run; 2] {
        let running = [one, two].map(|name| network(&["create", name, "--json"]).spawn());
        running.map(|running| running.wait(MINUTE))
    };
    let runs = both("one", "one");
    let mut codes = [&runs[0], &runs[1]].map(|run| run.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)], "{}\n{}", runs[0], runs[1]);
    // Whoever comes second sees it, or gives way.
    let runs = both("two", "three").map(Run::success);
    assert_ne!(runs[0].json()["subnets"], runs[1].json()["subnets"]);
    network(&["delete", "one", "two", "three", "--yes"]).run().success();

    // Names that others gave.
    let odd = r#"a 'b" --x;$(c)"#;
    let file = sandbox.tmp().join("odd.xml");
    let escaped = odd.replace('"', "&quot;");
    std::fs::write(&file, format!("<network><name>{escaped}</name><bridge name='odd0'/></network>")).unwrap();
    sandbox.virsh(&["net-define", file.to_str().unwrap()]);
    network(&["start", odd]).run().success();
    let info = network(&["info", odd, "--json"]).run().success();
    assert_eq!((word(&info, "name").as_str(), &info.json()["active"]), (odd, &true.into()));
    network(&["delete", odd, "--yes"]).run().success();

    let broken = sandbox.root().join("fakes/dnsmasq");
    std::fs::write(&broken, "#!/bin/sh\necho no such luck >&2\nexit 2\n").unwrap();
    sandbox.exec(&["chmod", "755", broken.to_str().unwrap()]);
    sandbox.exec(&["mount", "--bind", broken.to_str().unwrap(), "/usr/sbin/dnsmasq"]);
    let failed = network(&["create", "lab", "--json"]).run().code(1);
    assert!(failed.json_error()["hint"].as_str().unwrap().contains("dnsmasq"), "{failed}");
    assert!(failed.json_error()["message"].as_str().unwrap().contains("network lab"), "{failed}");

    // Ctrl-C while libvirt is at it: what it answers then is not waited upon.
    let (asked, go) = (sandbox.tmp().join("asked"), sandbox.tmp().join("go"));
    let script = "#!/bin/sh\ntouch ASKED\nwhile ! [ -e GO ]; do sleep 0.1; done\nexit 2\n";
    let script = script.replace("ASKED", asked.to_str().unwrap()).replace("GO", go.to_str().unwrap());
    std::fs::write(&broken, script).unwrap();
    let mut running = network(&["create", "lab", "--json"]).spawn();
    wait_for("dnsmasq", MINUTE, || asked.exists().then_some(()));
    running.signal_group("INT");
    std::fs::write(&go, "").unwrap();
    assert_eq!(running.wait(MINUTE).code(130).json_error()["code"], "interrupted");
    sandbox.exec(&["umount", "/usr/sbin/dnsmasq"]);
    assert_eq!(networks(&sandbox), ["default"]);

    for range in ["192.168.0.0/16", "10.0.0.0/8"] {
        sandbox.exec(&["ip", "route", "add", "blackhole", range]);
    }
    network(&["create", "lab"]).run().code(1).stderr_has("no free subnet").stderr_has("--subnet");
    network(&["create", "lab", "--subnet", "172.30.0.0/24"]).run().success();
    assert_eq!(networks(&sandbox), ["default", "lab"]);
}

#[test]
fn a_session_has_user_mode_networking_only() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let refused = sandbox.vmtools(&["network", "create", "lab", "--json"]).run().code(9);
    assert!(refused.json_error()["hint"].as_str().unwrap().contains("qemu:///system"), "{refused}");
    sandbox.vmtools(&["network", "attach", "lab", "web"]).run().code(3);
    let iso = sandbox.tmp().join("install.iso");
    std::fs::write(&iso, [0; 2048]).unwrap();
    let create = ["create", "web", "--iso", iso.to_str().unwrap(), "-m", "64", "--network", "default"];
    let run =
        sandbox.vmtools(&create).run().code(3).stderr_has("--network user").stderr_has("qemu:///system");
    assert!(!run.stderr.contains("net-define"), "{run}");
    assert_eq!(sandbox.vmtools(&["networks", "--json"]).run().success().json(), serde_json::json!([]));
}

#[test]
fn a_guest_is_plugged_in_and_out() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let network = |args: &[&str]| sandbox.vmtools(&[&["network"], args].concat()).run();
    let interface = "default,model=virtio,mac=52:54:00:AA:00:01";
    create(&sandbox, "web", &image, &["-p", "8080:80"])
        .run()
        .code(9)
        .stderr_has("on the network default")
        .stderr_has("ssh -L");
    create(&sandbox, "web", &image, &["-n", "bridge=br0"]).run().code(3);
    create(&sandbox, "web", &image, &["-n", interface, "-n", interface]).run().code(2);
    create(&sandbox, "web", &image, &["-n", interface, "--start", "--wait"]).run().success();
    create(&sandbox, "two", &image, &["-n", interface]).run().code(4).stderr_has("web");
    let two = create(&sandbox, "two", &image, &["-n", "default,model=e1000e", "--print-xml"]).run().success();
    two.stdout_has("<model type=\"e1000e\"/>").stdout_has("<source network=\"default\"/>");
    let elsewhere = sandbox.vmtools(&["network", "create", "lab"]).env("TMPDIR", "/nope").run().code(1);
    elsewhere.stderr_has("cannot use a temporary file in /nope");
    network(&["create", "lab"]).success();

    let info = network(&["info", "default", "--json"]).success().json();
    let plugged = serde_json::json!([{"vm": "web", "mac": "52:54:00:aa:00:01", "model": "virtio", "portgroup": null, "active": true}]);
    assert_eq!((&info["cards"], &info["lease_count"]), (&plugged, &1.into()));
    assert_eq!((&info["leases"][0]["vm"], &info["vms"][0]), (&"web".into(), &"web".into()));
    assert!(info["leases"][0]["expires"].as_str().is_some_and(|time| time.ends_with('Z')), "{info}");
    network(&["info", "default"]).success().stdout_has("lease ");
    network(&["stop", "default"]).code(5).stderr_has("used by web").stderr_has("--force");
    network(&["delete", "default", "--yes"]).code(5).stderr_has("network detach default web");

    // Hot, and for good.
    let interfaces = || sandbox.vmtools(&["ssh", "web", "--", "ls /sys/class/net"]).run().success().stdout;
    network(&["detach", "lab", "web"]).code(5).stderr_has("has no interface on the network lab");
    let attached = network(&["attach", "lab", "web", "--json"]).success();
    assert_eq!((&attached.json()["live"], word(&attached, "model").as_str()), (&true.into(), "virtio"));
    network(&["attach", "lab", "web", "--mac", "52:54:00:aa:00:02", "--model", "e1000e"]).success();
    network(&["attach", "lab", "web", "--mac", "52:54:00:aa:00:01"]).code(4);
    // The guest has no driver for the other one.
    assert!(interfaces().contains("eth1"), "{}", interfaces());
    let stored = sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
    assert!(stored.contains("52:54:00:aa:00:02") && stored.contains("e1000e"), "{stored}");
    network(&["detach", "lab", "web"]).code(2).stderr_has("--mac");

    // An address that is kept, and goes with its interface.
    let reserve = |ip: &str, more: &[&str]| network(&[&["reserve", "lab", "web", ip][..], more].concat());
    let info = network(&["info", "lab", "--json"]).success().json();
    assert_eq!(info["subnets"][0], "192.168.123.0/24");
    reserve("192.168.123.9", &[]).code(2).stderr_has("--mac");
    for bad in ["192.168.123.1", "192.168.123.0", "192.168.123.255", "10.1.1.1"] {
        reserve(bad, &["--mac", "52:54:00:aa:00:02"]).code(2);
    }
    reserve("192.168.123.9", &["--mac", "52:54:00:aa:00:02"]).success();
    reserve("192.168.123.9", &["--mac", "52:54:00:aa:00:02"]).success().stderr_has("already");
    reserve("192.168.123.9", &["--mac", &word(&attached, "mac")]).code(4).stderr_has("the VM web");
    reserve("192.168.123.10", &["--mac", "52:54:00:aa:00:02"]).success();
    reserve("192.168.123.11", &["--mac", &word(&attached, "mac")]).success();
    let kept = network(&["info", "lab", "--json"]).success().json();
    let mut ips: Vec<_> = kept["reservations"].as_array().unwrap().iter().map(|kept| &kept["ip"]).collect();
    ips.sort_by_key(|ip| ip.to_string());
    assert_eq!(ips, ["192.168.123.10", "192.168.123.11"]);
    network(&["detach", "lab", "web", "--mac", "52:54:00:aa:00:02"]).success();
    assert!(!sandbox.virsh(&["net-dumpxml", "--inactive", "lab"]).stdout.contains("192.168.123.10"));
    let none = network(&["unreserve", "lab", "192.168.123.99"]).code(3);
    none.stderr_has("the network lab has no reservation of 192.168.123.99").stderr_has("192.168.123.11");
    network(&["unreserve", "lab", "nosuch"]).code(3).stderr_has("there is no VM \"nosuch\"");
    network(&["unreserve", "lab", "web"]).success().stdout_has("192.168.123.11 is no longer reserved");
    network(&["unreserve", "lab", "web"]).success().stderr_has("has no reserved address");
    network(&["detach", "lab", "web"]).success();
    assert!(!interfaces().contains("eth1"), "{}", interfaces());

    // Off, with the network off too: the start starts it, and the guest gets its address.
    sandbox.vmtools(&["stop", "web", "--force"]).run().success();
    let bridge = word(&network(&["info", "lab", "--json"]).success(), "bridge");
    network(&["attach", &format!("bridge={bridge}"), "web"]).success().stdout_has("at its next start");
    network(&["delete", "lab", "--yes"]).code(5);
    network(&["detach", "lab", "web"]).success();
    network(&["stop", "default"]).success();
    network(&["reserve", "default", "web", "192.168.122.77"]).success();
    network(&["delete", "default", "--yes"]).code(5);
    sandbox.vmtools(&["start", "web", "--wait=ssh"]).run().success().stderr_has("it was started");
    assert_eq!(sandbox.vmtools(&["ip", "web"]).run().success().lines(), ["192.168.122.77"]);
    sandbox.vmtools(&["delete", "web", "--force"]).run().success();
    assert!(!sandbox.virsh(&["net-dumpxml", "default"]).stdout.contains("192.168.122.77"));
    assert!(!sandbox.virsh(&["net-dumpxml", "--inactive", "default"]).stdout.contains("192.168.122.77"));
}

#[test]
fn a_network_that_delays_new_vms_is_made_fast() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let network = |args: &[&str]| sandbox.vmtools(&[&["network"], args].concat()).run();
    let xml = |name: &str| sandbox.virsh(&["net-dumpxml", "--inactive", name]).stdout;
    let stp =
        |bridge: &str| sandbox.exec(&["cat", &format!("/sys/class/net/{bridge}/bridge/stp_state")]).stdout;
    let is_fast = |xml: &str| xml.contains("stp='off'") && xml.contains("value='no-ping'");
    // What vmtools makes has no delay.
    network(&["create", "lab"]).success();
    assert!(is_fast(&xml("lab")), "{}", xml("lab"));

    // As libvirt's own are, and more that has to stay.
    let slow = |number: u32| {
        format!(
            "<network><name>slow{number}</name><forward mode='nat'/><bridge name='slow{number}'/>
             <mac address='52:54:00:00:00:0{number}'/><ip address='10.7.{number}.1' prefix='24'><dhcp>
             <range start='10.7.{number}.2' end='10.7.{number}.99'/>
             <host mac='52:54:00:00:01:01' ip='10.7.{number}.7'/></dhcp></ip></network>"
        )
    };
    let define = |number: u32, verb: &str| {
        sandbox.virsh_command(&[verb, "/dev/stdin"]).stdin(slow(number)).run().success();
    };
    for number in [1, 2] {
        define(number, "net-define");
        sandbox.virsh(&["net-start", &format!("slow{number}")]);
    }
    let before = xml("slow1");
    network(&["set", "slow1", "--fast"]).code(2).stderr_has("--yes");
    let plan = network(&["set", "slow1", "--fast", "--dry-run"]).success();
    plan.stdout_has("Spanning Tree").stdout_has("restart it; no running VM uses it");
    assert_eq!((xml("slow1"), stp("slow1").as_str()), (before.clone(), "1\n"));
    network(&["set", "slow1", "--fast", "--yes"]).success().stdout_has("without delay\n");
    let after = xml("slow1");
    assert!(is_fast(&after), "{after}");
    assert_eq!(stp("slow1"), "0\n");
    // Nothing else has changed.
    let without = |xml: &str| {
        let lines = xml.lines().filter(|line| !line.contains("dnsmasq:") && !line.contains("<network"));
        lines.map(|line| line.replace("stp='off'", "stp='on'")).collect::<Vec<_>>()
    };
    assert_eq!(without(&after), without(&before), "{after}");
    network(&["set", "slow1", "--fast", "--yes"]).success().stderr_has("already");

    // A network that a running VM uses is not taken from it.
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--network", "slow2", "--start"]).run().success();
    let run = network(&["set", "slow2", "--fast", "--yes"]).success().stdout_has("at its next start");
    assert!(is_fast(&xml("slow2")) && stp("slow2") == "1\n", "{run}");
    sandbox.exec(&["sh", "-c", "ls /sys/class/net/slow2/brif | grep vnet"]);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    network(&["stop", "slow2"]).success();
    network(&["start", "slow2"]).success();
    assert_eq!(stp("slow2"), "0\n");

    // One that is gone when it stops has no definition to change.
    define(3, "net-create");
    network(&["set", "slow3", "--fast", "--yes"]).code(5).stderr_has("transient");
    network(&["set", "none", "--fast", "--yes"]).code(3);
}
