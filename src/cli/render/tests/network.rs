use std::net::IpAddr;

use super::{ODD, check, future, parsed, text, texts};
use crate::cli::render::{
    network, network_delete_plans, network_made, network_plan, networks, speedup_plans,
};
use crate::libvirt::LeaseDelay;
use crate::manager::{
    AttachedInterface, LeaseStatus, Network, NetworkDeletePlan, NetworkInfo, NetworkPlan, NetworkStatus,
    PortGroup, ReservationStatus, SpeedupPlan,
};
use crate::model::{IpRange, IpSubnet, Subnet, Subnet6, Uuid};

fn subnets() -> Vec<IpSubnet> {
    vec![parsed::<Subnet>("192.168.122.0/24").into(), parsed::<Subnet6>("fd00:20::/64").into()]
}

fn ranges() -> Vec<IpRange> {
    let range = |start: &str, end: &str| IpRange::new(parsed::<IpAddr>(start), parsed::<IpAddr>(end));
    vec![range("192.168.122.2", "192.168.122.254"), range("fd00:20::100", "fd00:20::1ff")]
}

/// One without anything that a network can do without.
fn bare(name: &str, mode: &str) -> NetworkStatus {
    let network = Network {
        name: text(name),
        uuid: Uuid::from_u128(7),
        active: false,
        autostart: false,
        persistent: true,
        mode: text(mode),
        forward: None,
        bridge: None,
        devices: Vec::new(),
        virtual_port: None,
        addresses: Vec::new(),
        subnets: Vec::new(),
        subnets6: Vec::new(),
        dhcp: false,
        dhcp_ranges: Vec::new(),
        dns: false,
        domain: None,
        portgroups: Vec::new(),
        ips: Vec::new(),
        lease_delay: LeaseDelay::default(),
    };
    NetworkStatus { network, lease_count: 0, vms: Vec::new() }
}

fn full() -> NetworkStatus {
    let mut status = bare("default", "nat");
    let network = &mut status.network;
    (network.active, network.autostart, network.dhcp, network.dns) = (true, true, true, true);
    network.bridge = Some(text("virbr0"));
    network.addresses = texts(&["192.168.122.1/24", "fd00:20::1/64"]);
    (network.subnets, network.dhcp_ranges) = (subnets(), ranges());
    network.domain = Some(text("lab.example"));
    (status.lease_count, status.vms) = (2, texts(&["web", "db"]));
    status
}

#[test]
fn tables() {
    let odd = NetworkStatus { vms: texts(&[ODD]), ..bare(ODD, "hostdev") };
    let isolated = NetworkStatus { lease_count: 0, ..bare("lab", "isolated") };
    check(
        "networks",
        &[
            ("networks", networks(&[full(), isolated, odd.clone()])),
            ("networks: none", networks(&[])),
            ("network create", network_made(&full())),
            ("network create: a bridge", network_made(&bare("office", "bridge"))),
            ("network create: an odd name", network_made(&odd)),
        ],
    );
}

#[test]
fn pages() {
    let mut status = full();
    status.network.devices = texts(&["eth0", "eth1"]);
    status.network.virtual_port = Some(text("openvswitch"));
    let group = |name: &str, is_default, vlans: &[u16], trunk, port: Option<&str>| PortGroup {
        name: text(name),
        is_default,
        vlans: vlans.to_vec(),
        trunk,
        virtual_port: port.map(text),
    };
    status.network.portgroups = vec![
        group("office", true, &[10], false, None),
        group("all", false, &[10, 20], true, Some("openvswitch")),
        group("none", false, &[], false, None),
    ];
    let interface = |vm: &str, active, model: Option<&str>, portgroup: Option<&str>| AttachedInterface {
        vm: text(vm),
        mac: text("52:54:00:00:00:01"),
        model: model.map(text),
        portgroup: portgroup.map(text),
        active,
    };
    let interfaces =
        vec![interface("web", true, Some("virtio"), Some("office")), interface(ODD, false, None, None)];
    let lease = |vm: Option<&str>, hostname: Option<&str>, expires| LeaseStatus {
        ip: parsed("192.168.122.10"),
        mac: text("52:54:00:00:00:01"),
        hostname: hostname.map(text),
        client_id: None,
        expires,
        vm: vm.map(text),
    };
    let leases = vec![
        lease(Some("web"), Some("web.lab"), Some(future())),
        lease(None, Some("printer"), None),
        lease(None, None, Some(future())),
    ];
    let reserved =
        |mac: Option<&str>, id: Option<&str>, hostname: Option<&str>, vm: Option<&str>| ReservationStatus {
            network: text("default"),
            ip: parsed("192.168.122.20"),
            mac: mac.map(text),
            id: id.map(text),
            hostname: hostname.map(text),
            vm: vm.map(text),
        };
    let reservations = vec![
        reserved(Some("52:54:00:00:00:01"), None, Some("web"), Some("web")),
        reserved(None, Some("00:01:00:01"), None, None),
        reserved(None, None, Some("printer"), None),
        reserved(None, None, None, None),
    ];
    let bare = NetworkInfo {
        status: bare(ODD, "isolated"),
        interfaces: Vec::new(),
        leases: Vec::new(),
        reservations: Vec::new(),
    };
    let full = NetworkInfo { status, interfaces, leases, reservations };
    check("network-info", &[("network info", network(&full)), ("network info: little", network(&bare))]);
}

#[test]
fn plans() {
    let plan = NetworkPlan {
        name: text("lab"),
        mode: "nat",
        subnet: Some(subnets()[0]),
        subnet6: Some(subnets()[1]),
        dhcp_range: Some(ranges()[0]),
        dhcp_range6: Some(ranges()[1]),
        dns: true,
        domain: Some(text("lab.example")),
        bridge: None,
        start: true,
        autostart: false,
        xml: String::new(),
    };
    let bridge = NetworkPlan {
        mode: "bridge",
        subnet: None,
        subnet6: None,
        dhcp_range: None,
        dhcp_range6: None,
        domain: None,
        bridge: Some(text("br0")),
        ..plan.clone()
    };
    let no_dhcp =
        NetworkPlan { subnet6: None, dhcp_range: None, dhcp_range6: None, dns: false, ..plan.clone() };
    let mut going = NetworkDeletePlan::of_nothing(ODD, "nat");
    (going.active, going.bridge, going.subnets, going.reservation_count) =
        (true, Some(text("virbr1")), subnets(), 3);
    let plans = [going, NetworkDeletePlan::of_nothing("office", "bridge")];
    check(
        "network-plan",
        &[
            ("network create --dry-run", network_plan(&plan)),
            ("network create --dry-run: without DHCP", network_plan(&no_dhcp)),
            ("network create --dry-run: a bridge", network_plan(&bridge)),
            ("network delete --dry-run", network_delete_plans(&plans)),
            ("network delete --dry-run: none", network_delete_plans(&[])),
        ],
    );
}

#[test]
fn speedups() {
    let plan = |(stp, ping), restarts, vms: &[&str]| SpeedupPlan {
        name: text("default"),
        uuid: Uuid::from_u128(7),
        removes: LeaseDelay { stp, ping },
        restarts,
        vms: texts(vms),
    };
    check(
        "network-set",
        &[
            ("network set --fast", speedup_plans(&[plan((true, true), true, &[])])),
            ("network set --fast: in use", speedup_plans(&[plan((true, false), false, &["web", ODD])])),
            ("network set --fast: inactive", speedup_plans(&[plan((false, true), false, &[])])),
            ("network set --fast: fast already", speedup_plans(&[plan((false, false), false, &[])])),
        ],
    );
}
