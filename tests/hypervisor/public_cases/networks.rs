//! 30, 31, 32: networks with several subnets, without a netmask, with IPv6, with port groups.

use std::net::IpAddr;

use super::super::support::{Run, Sandbox, sandbox_or_skip};
use super::{
    Faults, brief, case, create_tiny, define, domain, exists, forget, give, output, shell, tiny_image,
};

fn network(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.vmtools(&[&["network"], args].concat()).run()
}

/// The stored definition of a network.
fn net_xml(sandbox: &Sandbox, net: &str) -> String {
    sandbox.virsh(&["net-dumpxml", "--inactive", net]).stdout
}

/// The `<ip>` element of the stored definition that has this address as the host's.
fn ip_element(sandbox: &Sandbox, net: &str, host: &str) -> String {
    let xml = net_xml(sandbox, net);
    let found = xml.split("<ip ").skip(1).find(|part| part.contains(&format!("address='{host}'")));
    found.and_then(|part| part.split("</ip>").next()).unwrap_or_default().to_owned()
}

/// The networks of the cases, started as far as this host can, and the VM that is on them.
fn set_up(sandbox: &Sandbox) {
    for file in ["32-two-ips.xml", "32-no-netmask.xml", "31-dual.xml", "31-ipv6-only.xml"] {
        give(sandbox, &["net-define"], &case(file));
    }
    for net in ["c32-two", "c32-class", "c31-dual", "c31-v6only"] {
        sandbox.virsh(&["net-start", net]);
    }
    let xml = case("32-vm.xml");
    let (head, rest) =
        xml.split_once("<interface type='network'><mac address='52:54:00:32:00:05'/>").unwrap();
    define(sandbox, &format!("{head}{}", rest.split_once("</interface>").unwrap().1));
}

#[test]
fn a_reservation_goes_into_the_subnet_that_holds_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    set_up(&sandbox);
    let mut faults = Faults::default();
    let mut reserve = |net: &str, ip: &str, codes: &[i32]| {
        let run = network(&sandbox, &["reserve", net, "c32-vm", ip]);
        faults.check(run.status.code().is_some_and(|code| codes.contains(&code)), brief(&run));
        // What is taken is there, for another.
        let is_there = codes != [4] && net_xml(&sandbox, net).contains(&format!("ip='{ip}'"));
        faults.check(is_there == run.status.success(), format_args!("{}: there: {is_there}", brief(&run)));
    };
    // libvirt gives no addresses in the first of them.
    reserve("c32-two", "10.32.1.50", &[2, 9]);
    reserve("c32-two", "10.32.2.50", &[0]);
    reserve("c32-two", "10.32.3.50", &[2]);
    reserve("c32-two", "10.32.2.9", &[4]);
    reserve("c32-two", "10.32.2.1", &[2]);
    reserve("c32-two", "10.32.2.255", &[2]);
    // A /24 by the class of its address.
    reserve("c32-class", "192.168.232.60", &[0]);
    reserve("c32-class", "192.168.233.5", &[2]);
    reserve("c32-class", "192.168.232.255", &[2]);
    reserve("c31-dual", "10.231.0.50", &[0]);
    reserve("c31-dual", "fd31:d0a1::50", &[0]);
    reserve("c31-dual", "fd31:c0de::50", &[2]);
    reserve("c31-v6only", "fd31:c0de::50", &[0]);
    reserve("c31-v6only", "fd31:c0de::42", &[4]);
    reserve("c31-v6only", "fd31:c0de::1", &[2]);
    reserve("c31-v6only", "10.1.1.1", &[2, 9]);
    let second = ip_element(&sandbox, "c32-two", "10.32.2.1");
    let both = ["10.32.2.50", "printer"].iter().all(|word| second.contains(word));
    faults.check(both, format_args!("the second subnet: {second}"));
    let v4 = ip_element(&sandbox, "c31-dual", "10.231.0.1");
    faults.check(v4.contains("10.231.0.50") && !v4.contains("fd31"), format_args!("the IPv4 subnet: {v4}"));
    let v6 = ip_element(&sandbox, "c31-dual", "fd31:d0a1::1");
    faults.check(v6.contains("fd31:d0a1::50"), format_args!("the IPv6 subnet: {v6}"));
    let only = ip_element(&sandbox, "c31-v6only", "fd31:c0de::1");
    faults.check(only.contains("alpha"), format_args!("what was there: {only}"));

    for (net, ips) in [
        ("c32-two", &["10.32.2.50"][..]),
        ("c31-dual", &["10.231.0.50", "fd31:d0a1::50"]),
        ("c31-v6only", &["fd31:c0de::50"]),
    ] {
        let info = network(&sandbox, &["info", net, "--json"]).success().json();
        let kept = info["reservations"].to_string();
        faults.check(ips.iter().all(|ip| kept.contains(ip)), format_args!("{net}: {kept}"));
        let run = network(&sandbox, &["unreserve", net, "c32-vm"]);
        let left = net_xml(&sandbox, net);
        let is_gone = run.status.success() && !ips.iter().any(|ip| left.contains(ip));
        faults.check(is_gone, format_args!("{}: {left}", brief(&run)));
    }
    let left = format!("{}{}", net_xml(&sandbox, "c32-two"), net_xml(&sandbox, "c31-v6only"));
    faults.check(left.contains("printer") && left.contains("alpha"), "what others keep is gone");
    faults.none();
}

#[test]
fn subnets_are_told_as_libvirt_means_them() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    set_up(&sandbox);
    for (name, host) in [("class-a", "10.77.1.1"), ("class-b", "172.20.1.1"), ("class-c", "192.168.77.1")] {
        let xml = format!("<network><name>{name}</name><ip address='{host}'/></network>");
        give(&sandbox, &["net-define"], &xml);
    }
    let mut faults = Faults::default();
    for (net, subnets) in [
        ("class-a", &["10.0.0.0/8"][..]),
        ("class-b", &["172.20.0.0/16"]),
        ("class-c", &["192.168.77.0/24"]),
        ("c32-class", &["192.168.232.0/24"]),
        ("c32-two", &["10.32.1.0/24", "10.32.2.0/24"]),
        ("c31-dual", &["10.231.0.0/24", "fd31:d0a1::/64"]),
        ("c31-v6only", &["fd31:c0de::/112"]),
    ] {
        let info = network(&sandbox, &["info", net, "--json"]).success().json();
        faults
            .check(info["subnets"] == serde_json::json!(subnets), format_args!("{net}: {}", info["subnets"]));
    }
    let dual = network(&sandbox, &["info", "c31-dual", "--json"]).success().json();
    let ranges = dual["dhcp_ranges"].to_string();
    faults.check(ranges.contains("fd31:d0a1::100"), format_args!("c31-dual gives {ranges}"));
    // What is taken is not given again.
    for subnet in ["10.77.5.0/24", "172.20.9.0/24", "192.168.77.128/25", "192.168.232.0/28"] {
        let run = network(&sandbox, &["create", "lab", "--subnet", subnet]);
        faults.check(run.status.code() == Some(4), brief(&run));
        network(&sandbox, &["delete", "lab", "--yes", "--if-exists"]).success();
    }
    faults.none();
}

#[test]
fn a_reservation_that_is_moved_keeps_what_it_has() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let kept =
        "<host mac='52:54:00:32:00:01' name='alias' ip='10.32.2.40'><lease expiry='24' unit='hours'/></host>";
    let xml = case("32-two-ips.xml").replace("<host name='printer'", &format!("{kept}<host name='printer'"));
    give(&sandbox, &["net-define"], &xml);
    let interface =
        "<interface type='network'><mac address='52:54:00:32:00:01'/><source network='c32-two'/></interface>";
    define(&sandbox, &domain("c32-vm", interface));
    for is_active in [false, true] {
        if is_active {
            sandbox.virsh(&["net-start", "c32-two"]);
        }
        let ip = if is_active { "10.32.2.52" } else { "10.32.2.51" };
        network(&sandbox, &["reserve", "c32-two", "c32-vm", ip]).success();
        let second = ip_element(&sandbox, "c32-two", "10.32.2.1");
        for word in [ip, "name='alias'", "expiry='24'", "printer"] {
            assert!(second.contains(word), "{word} is lost: {second}");
        }
        assert!(!second.contains("10.32.2.40"), "{second}");
    }
}

#[test]
fn port_groups_are_shown_and_chosen() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    give(&sandbox, &["net-define"], &case("30-ovs-net.xml"));
    give(&sandbox, &["net-define"], &case("30-macvtap-net.xml"));
    let image = tiny_image(&sandbox);
    let mut faults = Faults::default();
    let info = network(&sandbox, &["info", "c30-ovs", "--json"]).success().json().to_string();
    faults.check(info.contains("vlan-100") && info.contains("trunk"), format_args!("info: {info}"));
    let shown = network(&sandbox, &["info", "c30-ovs"]).success().stdout;
    faults.check(shown.contains("vlan-100") && shown.contains("trunk"), format_args!("info: {shown}"));
    let create = |spec: &str| {
        let args = ["create", "web", "--image", &image, "-m", "64", "-c", "1", "-n", spec, "--json"];
        sandbox.vmtools(&args).run()
    };
    let made = create("c30-ovs,portgroup=trunk,mac=52:54:00:30:00:01");
    faults.check(made.status.success(), brief(&made));
    if made.status.success() {
        let xml = sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
        faults.check(xml.contains("portgroup='trunk'"), "the definition has no port group");
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
        let interface = status["interfaces"].to_string();
        faults.check(interface.contains("trunk"), format_args!("status: {interface}"));
        let info = network(&sandbox, &["info", "c30-ovs", "--json"]).success().json().to_string();
        faults.check(info.contains("52:54:00:30:00:01"), format_args!("info: {info}"));
        let twin = sandbox.vmtools(&["clone", "web", "twin"]).run();
        faults.check(twin.status.success(), brief(&twin));
        let xml = sandbox.virsh_command(&["dumpxml", "--inactive", "twin"]).run().stdout;
        faults.check(xml.contains("portgroup='trunk'"), "the clone has no port group");
    }
    sandbox.vmtools(&["delete", "--force", "--if-exists", "web", "twin"]).run().success();
    for (spec, codes) in [
        ("c30-ovs,portgroup=nosuch", &[2, 3][..]),
        ("c30-direct,portgroup=trunk", &[2, 3]),
        ("default,portgroup=trunk", &[2, 3]),
        ("bridge=br0,portgroup=trunk", &[2, 3]),
        ("user,portgroup=trunk", &[2, 9]),
        ("c30-ovs,portgroup=", &[2]),
    ] {
        let run = create(spec);
        faults.check(run.status.code().is_some_and(|code| codes.contains(&code)), brief(&run));
        sandbox.vmtools(&["delete", "--force", "--if-exists", "web"]).run();
    }
    faults.none();
}

#[test]
fn a_network_of_both_families_is_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    let args = ["create", "lab", "--subnet", "10.44.0.0/24", "--subnet6", "fd44:1::/64", "--json"];
    let made = network(&sandbox, &args);
    faults.check(made.status.success(), brief(&made));
    if made.status.success() {
        let subnets = made.json()["subnets"].clone();
        faults
            .check(subnets == serde_json::json!(["10.44.0.0/24", "fd44:1::/64"]), format_args!("{subnets}"));
        let xml = net_xml(&sandbox, "lab");
        let v6 = xml.split("<ip ").skip(1).find(|part| part.contains("family='ipv6'"));
        let v6 = v6.map(|part| part.split("</ip>").next().unwrap_or_default().to_owned()).unwrap_or_default();
        let is_right = v6.contains("prefix='64'") && v6.contains("fd44:1::") && v6.contains("<range");
        faults.check(is_right, format_args!("the definition: {xml}"));
        let active = sandbox.virsh(&["net-list", "--name"]).stdout;
        faults.check(active.contains("lab"), "it is not started");
    }
    for (subnet, codes) in [
        ("fd44:1::/64", &[4][..]),
        ("fd44:1:0:0:8000::/66", &[4]),
        ("fd45::/8", &[2]),
        ("fd45::1/200", &[2]),
        ("10.45.0.0/24", &[2]),
        ("not-a-subnet", &[2]),
    ] {
        let run = network(&sandbox, &["create", "other", "--subnet6", subnet]);
        let is_right = run.status.code().is_some_and(|code| codes.contains(&code));
        faults.check(is_right && !output(&run).contains("unexpected argument"), brief(&run));
        network(&sandbox, &["delete", "other", "--yes", "--if-exists"]).success();
    }
    let run = network(&sandbox, &["create", "six", "--mode", "isolated", "--subnet6", "fd46::/64", "--json"]);
    faults.check(run.status.success(), brief(&run));
    faults.none();
}

#[test]
fn a_network_of_ipv6_alone_is_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let six = ["create", "six", "--subnet6", "fd47::/64", "--no-ipv4"];
    let plan = network(&sandbox, &[&six[..], &["--dry-run", "--json"]].concat()).success().json();
    let planned = (&plan["subnet"], &plan["subnet6"], &plan["dhcp_range6"]["start"]);
    assert_eq!(planned, (&serde_json::Value::Null, &"fd47::/64".into(), &"fd47::2".into()));
    let made = network(&sandbox, &[&six[..], &["--json"]].concat()).success().json();
    assert_eq!((&made["subnets"], &made["active"]), (&serde_json::json!(["fd47::/64"]), &true.into()));
    // What answers come back to is translated, as IPv4 is.
    assert!(net_xml(&sandbox, "six").contains("<nat ipv6='yes'"), "{}", net_xml(&sandbox, "six"));
    assert!(sandbox.vmtools(&["networks"]).run().success().stdout.contains("fd47::/64"));
    network(&sandbox, &["info", "six"]).success().stdout_has("fd47::2-fd47::ffff");
    let plan = network(&sandbox, &["delete", "six", "--dry-run"]).success();
    assert!(plan.stdout.contains("fd47::/64"), "{plan}");
    sandbox.exec(&["ip", "-6", "route", "add", "blackhole", "fd48::/16"]);
    let run = network(&sandbox, &["create", "other", "--subnet6", "fd48:1::/64"]).code(4);
    assert!(run.stderr.contains("this host"), "{run}");
}

#[test]
fn an_ipv6_address_goes_with_its_vm() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    set_up(&sandbox);
    let mac = "52:54:00:32:00:03";
    let duid = format!("00:03:00:01:{mac}");
    let six = || ip_element(&sandbox, "c31-dual", "fd31:d0a1::1");
    // By the name; moved; then known by its DUID too. The IPv4 address of the same interface stays.
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "10.231.0.50"]).success();
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "fd31:d0a1::50"]).success();
    let moved = network(&sandbox, &["reserve", "c31-dual", "c32-vm", "fd31:d0a1::51", "--json"]).success();
    assert_eq!((&moved.json()["ip"], &moved.json()["hostname"]), (&"fd31:d0a1::51".into(), &"c32-vm".into()));
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "fd31:d0a1::51", "--duid", &duid]).success();
    assert!(six().contains(&duid) && six().contains("name='c32-vm'") && !six().contains("::50"), "{}", six());
    let again = network(&sandbox, &["reserve", "c31-dual", "c32-vm", "fd31:d0a1:0::51"]).success();
    assert!(again.stderr.contains("already"), "{again}");
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "10.231.0.51", "--duid", &duid]).code(2);
    let info = network(&sandbox, &["info", "c31-dual", "--json"]).success().json();
    let kept = info["reservations"].as_array().unwrap();
    assert!(kept.len() == 2 && kept.iter().all(|kept| kept["vm"] == "c32-vm"), "{info}");
    // Others' are not taken for the VM's; one whose host is gone is released by any of its names.
    give(&sandbox, &["define"], &domain("5x", ""));
    network(&sandbox, &["reserve", "c31-dual", "5x", "fd31:d0a1::60"]).code(5);
    let interface =
        format!("<interface type='network'><mac address='{mac}'/><source network='c31-dual'/></interface>");
    forget(&sandbox, "5x");
    define(&sandbox, &domain("5x", &interface.replace("00:03'", "00:13'")));
    let nameless = network(&sandbox, &["reserve", "c31-dual", "5x", "fd31:d0a1::60"]).code(2);
    assert!(nameless.stderr.contains("--duid"), "{nameless}");
    // c32-vm's own: dnsmasq would give one of them what is the other's.
    network(&sandbox, &["reserve", "c31-dual", "5x", "fd31:d0a1::61", "--duid", &duid]).code(4);
    network(&sandbox, &["reserve", "c31-dual", "5x", "fd31:d0a1::60", "--duid", "00:02:00:00:ab:11:01"])
        .success();
    network(&sandbox, &["reserve", "c31-dual", "5x", "fd31:d0a1::51", "--duid", "00:02:00:00:ab:11:01"])
        .code(4);
    forget(&sandbox, "5x");
    network(&sandbox, &["unreserve", "c31-dual", "fd31:d0a1::0:60"]).success();
    sandbox.vmtools(&["delete", "c32-vm", "--force"]).run().success();
    let left = net_xml(&sandbox, "c31-dual");
    assert!(!left.contains("<host") && net_xml(&sandbox, "c31-v6only").contains("alpha"), "{left}");
}

#[test]
fn a_definition_that_differs_is_changed_by_itself() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    set_up(&sandbox);
    let live = sandbox.virsh_command(&["net-list", "--name"]).run().stdout;
    assert!(live.contains("c31-dual"), "{live}");
    // At its next start IPv6 comes first, so the places are others.
    let xml = case("31-dual.xml");
    let (head, rest) = xml.split_once("<ip address").unwrap();
    let (v4, rest) = rest.split_once("<ip family").unwrap();
    let (v6, _) = rest.split_once("</network>").unwrap();
    let uuid = sandbox.virsh(&["net-uuid", "c31-dual"]).stdout.trim().to_owned();
    let head = head.replace("</name>", &format!("</name><uuid>{uuid}</uuid>"));
    give(&sandbox, &["net-define"], &format!("{head}<ip family{v6}<ip address{v4}</network>"));
    let now = || sandbox.virsh(&["net-dumpxml", "c31-dual"]).stdout;
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "fd31:d0a1::50"]).success();
    network(&sandbox, &["reserve", "c31-dual", "c32-vm", "10.231.0.50"]).success();
    for (host, kept) in [("10.231.0.1", "ip='10.231.0.50'"), ("fd31:d0a1::1", "ip='fd31:d0a1::50'")] {
        let stored = ip_element(&sandbox, "c31-dual", host);
        assert!(stored.contains(kept) && now().contains(kept), "{kept}: {stored}\n{}", now());
    }
    // One that is in the running network only goes, too.
    let mac = "52:54:00:32:00:09";
    let host = format!("<host mac='{mac}' ip='10.231.0.90'/>");
    sandbox.virsh(&["net-update", "c31-dual", "add", "ip-dhcp-host", &host, "--live", "--parent-index", "0"]);
    network(&sandbox, &["unreserve", "c31-dual", mac]).success();
    network(&sandbox, &["unreserve", "c31-dual", "c32-vm"]).success();
    assert!(!now().contains("<host") && !net_xml(&sandbox, "c31-dual").contains("<host"), "{}", now());
}

#[test]
fn a_port_group_is_chosen_later_too() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    give(&sandbox, &["net-define"], &case("30-ovs-net.xml"));
    define(&sandbox, &domain("web", ""));
    network(&sandbox, &["attach", "c30-ovs,portgroup=nosuch", "web"]).code(3).stderr_has("vlan-100, trunk");
    network(&sandbox, &["attach", "c30-ovs", "web"]).success();
    // The default one is the one that it is in; another is another interface.
    network(&sandbox, &["attach", "c30-ovs,portgroup=vlan-100", "web"]).success().stderr_has("already");
    let made = network(&sandbox, &["attach", "c30-ovs,portgroup=trunk", "web", "--json"]).success();
    assert_eq!(made.json()["portgroup"], "trunk", "{made}");
    let info = network(&sandbox, &["info", "c30-ovs", "--json"]).success().json();
    let mut groups: Vec<_> =
        info["cards"].as_array().unwrap().iter().map(|interface| &interface["portgroup"]).collect();
    groups.sort_by_key(|group| group.to_string());
    assert_eq!(groups, ["trunk", "vlan-100"]);
    network(&sandbox, &["info", "c30-ovs"]).success().stdout_has("vlan-100 (default) VLAN 100");
    let template = sandbox.vmtools(&["template", "new", "ovs", "--from", "web"]).run();
    assert!(template.status.success(), "{template}");
    let shown = sandbox.vmtools(&["template", "show", "ovs"]).run().success();
    assert!(shown.stdout.contains("c30-ovs,portgroup=trunk"), "{shown}");
    network(&sandbox, &["detach", "c30-ovs,portgroup=trunk", "web"]).success();
    let left = sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
    assert!(left.contains("c30-ovs") && !left.contains("trunk"), "{left}");
}

/// As dnsmasq's helper would write it, for a guest that was given an address of each family.
const LEASES: &str = r#"[
  {"ip-address": "10.231.0.120", "mac-address": "52:54:00:32:00:03", "hostname": "dual", "expiry-time": 4102444800},
  {"iaid": "3", "ip-address": "fd31:d0a1::120", "mac-address": "52:54:00:32:00:03", "hostname": "dual",
   "client-id": "00:01:00:01:2e:00:00:00:52:54:00:32:00:03", "server-duid": "00:01:00:01:2e:00:00:01:52:54:00:00:00:01",
   "expiry-time": 4102444800}
]"#;

#[test]
fn both_addresses_of_a_guest_are_told() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    set_up(&sandbox);
    forget(&sandbox, "c32-vm");
    let interface = "<interface type='network'><mac address='52:54:00:32:00:03'/><source network='c31-dual'/></interface>";
    define(&sandbox, &domain("c32-vm", interface));
    sandbox.virsh(&["start", "--paused", "c32-vm"]);
    let status = "/var/lib/libvirt/dnsmasq/c31dbr.status";
    shell(&sandbox, "printf %s \"$1\" >\"$0\"", &[status, LEASES]);
    assert!(exists(&sandbox, status));
    let both = ["10.231.0.120", "fd31:d0a1::120"];
    let mut faults = Faults::default();
    let ip = sandbox.vmtools(&["ip", "c32-vm"]).run();
    faults.check(ip.status.success() && both.iter().all(|ip2| ip.stdout.contains(ip2)), brief(&ip));
    // Whatever takes only one takes the first: what most can use.
    let first = ip.stdout.lines().next().and_then(|line| line.parse::<IpAddr>().ok());
    faults.check(first.is_some_and(|ip| ip.is_ipv4()), format_args!("the first is {first:?}"));
    for args in [&["status", "c32-vm", "--json"][..], &["list", "--json"]] {
        let run = sandbox.vmtools(args).run().success();
        faults.check(
            both.iter().all(|ip| run.stdout.contains(ip)),
            format_args!("{}: {}", brief(&run), run.stdout),
        );
    }
    let info = network(&sandbox, &["info", "c31-dual", "--json"]).success().json()["leases"].to_string();
    faults.check(both.iter().all(|ip| info.contains(ip)), format_args!("leases: {info}"));
    faults.none();
}

#[test]
fn a_second_attach_to_the_same_network_is_no_accident() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "web", &[]);
    network(&sandbox, &["create", "lab"]).success();
    network(&sandbox, &["attach", "lab", "web"]).success();
    let count = || sandbox.virsh(&["domiflist", "web"]).stdout.matches(" lab ").count();
    assert_eq!(count(), 1);
    // What is already so is success with a note. Whoever wants a second says which.
    let run = network(&sandbox, &["attach", "lab", "web"]).success();
    assert!(count() == 1 && run.stderr.contains("already"), "{run}");
    network(&sandbox, &["attach", "lab", "web", "--mac", "52:54:00:aa:00:02"]).success();
    assert_eq!(count(), 2);
}

#[test]
fn a_network_is_not_deleted_without_an_answer() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    network(&sandbox, &["create", "lab"]).success();
    let run = network(&sandbox, &["delete", "lab"]);
    assert!(run.status.code() == Some(2) && run.stderr.contains("--yes"), "{run}");
    assert!(sandbox.virsh(&["net-list", "--all", "--name"]).stdout.contains("lab"));
}
