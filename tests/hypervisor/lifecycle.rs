//! From create to delete, in both modes, and what each verb says meanwhile.

use super::support::{Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, word};

const STATUS: [&str; 26] = [
    "name",
    "uuid",
    "state",
    "cpus",
    "memory_mib",
    "ips",
    "image",
    "template",
    "labels",
    "autostart",
    "created",
    "managed",
    "uri",
    "uptime_seconds",
    "cpu_time_seconds",
    "memory_used_mib",
    "disks",
    "interfaces",
    "mounts",
    "firmware",
    "accel",
    "qmp",
    "ssh",
    "ttl_expires",
    "snapshots",
    "serial_log",
];

#[test]
fn a_system_vm_from_create_to_delete() {
    life(&sandbox_or_skip!(Sandbox::system()));
}

#[test]
fn a_session_vm_from_create_to_delete() {
    life(&sandbox_or_skip!(Sandbox::session()));
}

#[test]
fn a_session_vm_without_passt() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without_passt().session());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success().stderr_has("slirp");
    sandbox.vmtools(&["ssh", "web", "--", "true"]).run().success();
    sandbox.vmtools(&["stop", "web"]).run().success();
    sandbox.vmtools(&["start", "web", "--wait=ssh"]).run().success();
    sandbox.vmtools(&["ssh", "web", "--", "true"]).run().success();
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

fn life(sandbox: &Sandbox) {
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let odd = r#"note=<&"'x"#;
    let made = create(sandbox, "web", &image, &["-l", odd, "--start", "--wait", "--json"]).run().success();
    assert_eq!(word(&made, "state"), "running");

    let ssh = sandbox.vmtools(&["ssh", "web", "--", "cat; exit 7"]).stdin("hello").run().code(7);
    assert_eq!(ssh.stdout, "hello", "{ssh}");
    let mut running = sandbox.vmtools(&["ssh", "web", "--", "echo up; sleep 1000"]).spawn();
    wait_for("the command in the guest", MINUTE, || running.stdout().contains("up").then_some(()));
    running.signal("TERM");
    running.wait(MINUTE).code(143);
    vmtools(&["ssh", "web", "--", "! pidof sleep"]).success();
    vmtools(&["wait", "web", "--for", "agent", "--timeout", "60s"]).success();
    let ip = vmtools(&["ip", "web"]).success();
    assert!(ip.lines()[0].parse::<std::net::IpAddr>().is_ok(), "{ip}");

    let status = vmtools(&["status", "web", "--json"]).success();
    let json = status.json();
    for field in STATUS {
        assert!(json.get(field).is_some(), "no {field}: {status}");
    }
    assert_eq!(json["labels"]["note"], r#"<&"'x"#);
    assert_eq!(json["managed"], true);
    assert_eq!(json["memory_mib"], 256);
    assert_eq!(json["uri"], sandbox.uri());
    let disk = &json["disks"][0];
    assert_eq!((disk["format"].as_str(), disk["owned"].as_bool()), (Some("qcow2"), Some(true)), "{status}");
    assert_eq!(disk["capacity_bytes"], 1 << 30, "{status}");
    assert!(disk["backing"].as_str().unwrap().contains("vmtools-base-"), "{status}");
    vmtools(&["status", "web"]).success().stdout_has("web");

    // What is so already is success.
    vmtools(&["start", "web"]).success().stderr_has("already");
    let listed = vmtools(&["list", "--json"]).success().json();
    assert_eq!(listed[0]["name"], "web");
    // One address, whoever is asked.
    let address = ip.lines()[0].clone();
    assert_eq!((&json["ips"][0], &listed[0]["ips"][0]), (&address.clone().into(), &address.into()));
    vmtools(&["stop", "web"]).success();
    vmtools(&["stop", "web"]).success().stderr_has("already");
    assert_eq!(vmtools(&["list", "--json"]).success().json().as_array().unwrap().len(), 0);
    vmtools(&["ip", "web"]).code(5).stderr_has("hint: ");
    vmtools(&["start", "web", "--wait"]).success();
    vmtools(&["ssh", "web", "--", "true"]).success();

    create(sandbox, "web", &image, &[]).run().code(4).stderr_has("hint: ");
    create(sandbox, "web", &image, &["--if-not-exists"]).run().success();
    // Nobody is there to be asked.
    let refused = vmtools(&["delete", "web", "--json"]).code(2);
    assert!(refused.json_error()["hint"].as_str().unwrap().contains("--yes"), "{refused}");
    // What is shown says what it takes: one that runs is stopped only by --force.
    vmtools(&["delete", "web", "--dry-run"]).success().stdout_has("needs --force");
    vmtools(&["delete", "web", "none", "--dry-run"]).code(10).stdout_has("delete the VM web");
    vmtools(&["delete", "web", "--dry-run", "--force"]).success().stdout_has("powered off first");
    assert_eq!(sandbox.domains(), ["web"]);
    vmtools(&["delete", "web", "--force"]).success();
    nothing_is_left(sandbox);
    vmtools(&["delete", "web", "--yes"]).code(3);
    vmtools(&["delete", "web", "--yes", "--if-exists"]).success();
}

#[test]
fn several_at_once_are_made_and_partly_found() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "ci", &image, &["--count", "2", "-l", "job=17"]).run().success();
    assert_eq!(sandbox.domains(), ["ci-1", "ci-2"]);
    sandbox.vmtools(&["delete", "--yes", "ci-1", "none"]).run().code(10);
    assert_eq!(sandbox.domains(), ["ci-2"]);
    sandbox.vmtools(&["delete", "--yes", "-l", "job=17"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn doctor_and_networks_are_content() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let checks = sandbox.vmtools(&["doctor", "--json"]).run().success();
    for check in checks.json().as_array().unwrap() {
        assert_ne!(check["status"], "failure", "{checks}");
        assert!(check["id"] != "machine" || check["status"] == "ok", "{checks}");
    }
    let networks = sandbox.vmtools(&["networks", "--json"]).run().success().json();
    assert_eq!(
        (networks[0]["name"].as_str(), networks[0]["active"].as_bool()),
        (Some("default"), Some(true))
    );
    // What a create finds inactive or missing is named before.
    sandbox.virsh(&["net-destroy", "default"]);
    let iso = sandbox.tmp().join("install.iso");
    std::fs::write(&iso, [0; 2048]).unwrap();
    let iso = iso.to_str().unwrap();
    let plan = sandbox.vmtools(&["create", "web", "--iso", iso, "--start", "--dry-run"]).run().success();
    let plan = plan.stdout_has(iso).stdout_has("starting the network default");
    plan.stdout_has("creating the storage pool vmtools").stdout_has("starting the VM");
    sandbox.libvirtd_stop();
    let checks = sandbox.vmtools(&["doctor", "--json"]).run().json();
    let fix =
        checks.as_array().unwrap().iter().find(|check| check["id"] == "libvirt").unwrap()["fix"].clone();
    let is_installed = std::path::Path::new("/lib/systemd/system/libvirtd.service").exists();
    let start = if is_installed { "systemctl start" } else { "install-qemu-kvm.sh" };
    assert!(fix.as_str().unwrap().contains(start), "{fix}");
}
