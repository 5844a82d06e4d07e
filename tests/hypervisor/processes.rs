//! The number of processes that a verb starts, which doesn't depend on the machine's mood.

use super::support::{Counted, Sandbox, sandbox_or_skip};

#[test]
fn each_verb_starts_one_virsh_at_most() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let image = image.to_str().unwrap();
    let count = |args: &[&str]| {
        let counted = sandbox.count_processes(args);
        assert_eq!(counted.run.status.code(), Some(0), "{}", counted.run);
        assert!(counted.of("virsh") <= 1, "{args:?}: {:?}", counted.log);
        counted
    };
    let made = count(&["create", "web", "--image", image, "-m", "256", "-c", "1", "-d", "1"]);
    assert!(made.of("qemu-img") <= 3, "{:?}", made.log);
    let none_but_virsh = |counted: &Counted| counted.log.iter().all(|line| line.starts_with("virsh"));
    for args in [
        &["clone", "web", "low", "--linked"][..],
        &["delete", "--yes", "low"],
        &["start", "web"],
        &["wait", "web", "--for", "ip"],
        &["list"],
        &["list", "--all", "--json"],
        &["status", "web"],
        &["ip", "web"],
        &["networks"],
        &["network", "info", "default"],
        &["network", "reserve", "default", "web", "192.168.122.99"],
        &["network", "create", "lab"],
        &["network", "attach", "lab", "web"],
        &["network", "detach", "lab", "web"],
        &["network", "delete", "lab", "--yes"],
        &["pause", "web"],
        &["resume", "web"],
        &["set", "web", "-m", "300", "-c", "2", "-d", "2", "--label", "a=b", "--ttl", "1h", "--autostart"],
        &["set", "web", "-c", "1"],
        &["restart", "--force", "web"],
        &["stop", "--force", "web"],
        &["rename", "web", "db"],
        &["rename", "db", "web"],
        &["protect", "web"],
        &["unprotect", "web"],
        &["delete", "--yes", "web"],
    ] {
        let counted = count(args);
        assert!(none_but_virsh(&counted), "{args:?}: {:?}", counted.log);
    }
}
