//! What `network` refuses before libvirt is asked.

use super::run;

#[test]
fn what_does_not_go_together_is_usage() {
    for args in [
        &["create"][..],
        &["create", "a b"],
        &["create", "user"],
        &["create", "-x"],
        &["create", "lab", "--mode", "nonsense"],
        &["create", "lab", "--subnet", "10.0.0.0"],
        &["create", "lab", "--subnet", "10.0.0.5/24"],
        &["create", "lab", "--subnet", "fd00::/64"],
        &["create", "lab", "--subnet6", "10.0.0.0/24"],
        &["create", "lab", "--subnet6", "fd00::/63"],
        &["create", "lab", "--no-ipv4"],
        &["create", "lab", "--no-ipv4", "--subnet", "10.0.0.0/24", "--subnet6", "fd00::/64"],
        &["create", "lab", "--mode", "bridge", "--bridge", "br0", "--subnet6", "fd00::/64"],
        &["create", "lab", "--domain", "-x.test"],
        &["create", "lab", "--bridge", "br0"],
        &["create", "lab", "--mode", "bridge"],
        &["create", "lab", "--mode", "bridge", "--bridge", "a/b"],
        &["create", "lab", "--mode", "bridge", "--bridge", "br0", "--subnet", "10.0.0.0/24"],
        &["create", "lab", "--mode", "bridge", "--bridge", "br0", "--no-dns"],
        &["start"],
        &["reserve", "lab", "web"],
        &["reserve", "lab", "web", "10.0.0"],
        &["reserve", "lab", "web", "fd00::/64"],
        &["reserve", "lab", "web", "fd00::7", "--duid", "web"],
        &["attach", "user", "web"],
        &["detach", "none", "web"],
        &["attach", "lab", "web", "--mac", "01:00:00:00:00:01"],
        &["attach", "lab", "web", "--model", "nonsense"],
        &["attach", "lab,portgroup=", "web"],
        &["attach", "bridge=br0,portgroup=a", "web"],
        &["attach", "user,portgroup=a", "web"],
        &["attach", "lab,mac=52:54:00:00:00:01", "web", "--mac", "52:54:00:00:00:02"],
        &["attach", "lab,model=e1000", "web", "--model", "virtio"],
        &["detach", "lab,colour=red", "web"],
        &["delete"],
    ] {
        let run = run(&[&["network"], args].concat()).code(2);
        assert_eq!(run.stdout, "", "{run}");
        assert!(!run.stderr.is_empty(), "{run}");
    }
    run(&["network", "create", "lab", "--subnet", "10.0.0.5/24"]).code(2).stderr_has("10.0.0.0/24");
    let refused = run(&["network", "create", "lab", "--mode", "bridge", "--json"]).code(2);
    assert!(refused.json_error()["hint"].as_str().unwrap().contains("--bridge"), "{refused}");
}

#[test]
fn invalid_interfaces_are_a_usage_error() {
    for interface in [
        "lab,mac=1",
        "lab,model=nonsense",
        "lab,colour=red",
        "none,model=virtio",
        "bridge=",
        "lab,portgroup=",
        "lab,portgroup=a,portgroup=b",
        "bridge=br0,portgroup=a",
    ] {
        run(&["create", "web", "--image", "./x", "--network", interface]).code(2).stderr_has("--network");
    }
    let twins = ["create", "web", "--image", "./x", "--count", "2", "-n", "lab,mac=52:54:00:00:00:01"];
    run(&twins).code(2).stderr_has("mac=");
}

#[test]
fn each_verb_of_network_shows_an_example() {
    for verb in
        ["create", "start", "stop", "delete", "info", "autostart", "reserve", "unreserve", "attach", "detach"]
    {
        run(&["network", verb, "--help"])
            .success()
            .stdout_has(&format!("Examples:\n  vmtools network {verb} "));
    }
}
