//! The number of processes that a verb starts, which doesn't depend on the machine's mood.

use super::define_empty;
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

#[test]
fn many_definitions_are_read_by_two_virshs() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let names: Vec<String> = (0..100).map(|number| format!("vm-{number:02}")).collect();
    define_empty(&sandbox, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for (args, virshs) in
        [(&["list", "--all"][..], 1), (&["list", "--all", "--json"], 2), (&["start", "vm-07"], 2)]
    {
        let counted = sandbox.count_processes(args);
        assert_eq!(counted.run.status.code(), Some(0), "{}", counted.run);
        assert_eq!(counted.counts.get("virsh"), Some(&virshs), "{args:?}: {:?}", counted.counts);
        assert_eq!(counted.counts.len(), 1, "{args:?}: {:?}", counted.counts);
    }
    let listed = sandbox.vmtools(&["list", "--all", "--json"]).run().success().json();
    let listed: Vec<&str> =
        listed.as_array().unwrap().iter().map(|vm| vm["name"].as_str().unwrap()).collect();
    assert_eq!(listed, names);
}
