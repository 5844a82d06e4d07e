//! Folders of the host in a guest, by 9p: what every libvirt and QEMU has. debian.rs has them by virtiofs.

use super::support::{Sandbox, sandbox_or_skip};
use super::{create, nothing_is_left};

/// What the guest's kernel calls a 9p device: virtio's number 9.
const DEVICES: &str = "cat /sys/bus/virtio/devices/*/device | grep -c 0x0009";

#[test]
fn a_session_without_virtiofsd_has_folders_by_9p() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without("virtiofsd").session());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    sandbox.exec(&["sh", "-c", "mkdir 'a, b' c && touch c/kept"]);
    let mounts = ["--mount", "a, b:/a:ro", "--mount", "c:/c"];
    let made = create(&sandbox, "web", &image, &[&mounts[..], &["--start", "--wait", "--json"]].concat());
    let made = made.run().success().stderr_has("9p").stderr_has("virtiofsd is not installed");
    let folder = |name: &str, guest: &str, number: u32, read_only: bool| {
        let (host, tag) = (sandbox.home().join(name), format!("vmtools:{number}"));
        serde_json::json!({"host": host, "tag": tag, "guest": guest, "read_only": read_only, "driver": "9p"})
    };
    let expected = serde_json::json!([folder("a, b", "/a", 0, true), folder("c", "/c", 1, false)]);
    assert_eq!(made.json()["mounts"], expected, "{made}");
    sandbox.vmtools(&["status", "web"]).run().success().stdout_has("c at /c as vmtools:1 (9p)");
    assert_eq!(sandbox.vmtools(&["ssh", "web", "--", DEVICES]).run().success().stdout, "2\n");
    // A copy has the same folders, and nobody's folder goes with its VM.
    sandbox.vmtools(&["stop", "web", "--force"]).run().success();
    let clone = sandbox.vmtools(&["clone", "web", "twin", "--start", "--json"]).run().success();
    assert_eq!(clone.json()["mounts"], expected, "{clone}");
    sandbox.vmtools(&["delete", "--force", "web", "twin"]).run().success();
    nothing_is_left(&sandbox);
    assert!(sandbox.home().join("c/kept").is_file());
}

#[test]
fn qemus_user_has_to_get_into_a_folder() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without("virtiofsd").system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    // A home is its owner's alone.
    let refused = create(&sandbox, "web", &image, &["--mount", ".:/a", "--dry-run"]).run().code(7);
    refused.stderr_has("has no permission for").stderr_has("hint: ");
    // Any user may read it, and only that.
    let open = sandbox.root().join("open");
    sandbox.exec(&["install", "-d", "-m", "755", open.to_str().unwrap()]);
    let mount = |suffix: &str| format!("{}:/a{suffix}", open.display());
    create(&sandbox, "web", &image, &["--mount", &mount(""), "--dry-run"]).run().code(7);
    let readable = ["--mount", &mount(":ro"), "--dry-run"];
    let plan = create(&sandbox, "web", &image, &readable).run().success();
    plan.stdout_has("/open at /a (9p, read-only)");
    let ignition = sandbox.home().join("config.ign");
    std::fs::write(&ignition, r#"{"ignition":{"version":"3.3.0"}}"#).unwrap();
    let by_hand = [&readable[..], &["--ignition", ignition.to_str().unwrap()]].concat();
    let plan = create(&sandbox, "web", &image, &by_hand).run().success();
    plan.stderr_has("mount -t 9p -r -o trans=virtio,version=9p2000.L vmtools:0 /a");
    nothing_is_left(&sandbox);
}
