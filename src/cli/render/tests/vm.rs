use std::collections::BTreeMap;

use clap::ValueEnum as _;

use super::{ODD, check, future, parsed, past, text, texts};
use crate::cli::render::{Column, changed, disks, status, vms};
use crate::manager::{
    ColdReason, DiskStatus, InterfaceStatus, MountStatus, Setting, SshStatus, VmChanged, VmDetails, VmStatus,
    VmSummary,
};
use crate::model::{Firmware, MountDriver, PortPublish, Protocol, Uuid, VmState};

const USUAL: [Column; 5] = [Column::Name, Column::State, Column::Cpus, Column::Memory, Column::Ip];

#[test]
fn tables() {
    let details = VmDetails {
        uuid: Uuid::from_u128(7),
        image: Some(text("debian-13")),
        template: Some(text("debian")),
        labels: BTreeMap::from([(text("env"), text("test")), (text("tier"), text("1"))]),
        autostart: true,
        created: Some(past()),
        managed: true,
        protected: true,
        ttl_expires: Some(future()),
        disks: texts(&["/srv/web.qcow2", "/srv/data.qcow2"]),
        interrupted: false,
    };
    let expired = VmDetails { ttl_expires: Some(past()), ..VmDetails::default() };
    let vm = |name: &str, state, memory_mib, ips: &[&str], details| VmSummary {
        name: text(name),
        state,
        cpus: 2,
        memory_mib,
        ips: ips.iter().map(|ip| parsed(ip)).collect(),
        details,
    };
    let all = [
        vm("web", VmState::Running, 2048, &["192.168.122.10", "fd00:20::10"], Some(details)),
        vm(ODD, VmState::Paused, 1500, &[], Some(expired)),
        vm("a-name-that-is-longer-than-any-heading", VmState::Shutoff, 0, &[], None),
    ];
    check(
        "list",
        &[
            ("list", vms(&all, &USUAL)),
            ("list: none", vms(&[], &USUAL)),
            ("list --columns with all", vms(&all, Column::value_variants())),
        ],
    );
}

fn disk(target: &str) -> DiskStatus {
    DiskStatus { target: text(target), ..DiskStatus::default() }
}

fn all_disks() -> Vec<DiskStatus> {
    let full = DiskStatus {
        path: Some(text("/srv/web.qcow2")),
        source: Some(text("vmtools/web.qcow2")),
        format: Some(text("qcow2")),
        capacity_bytes: Some(20 << 30),
        allocation_bytes: Some(1_700_000_000),
        owned: true,
        ..disk("vda")
    };
    let elsewhere = DiskStatus { source: Some(text("rbd:pool/image")), ..disk("vdb") };
    vec![full, elsewhere, DiskStatus { path: Some(format!("/srv/{ODD}.iso")), ..disk("sda") }, disk("sdb")]
}

/// One of which as little as possible is known.
fn bare(name: &str) -> VmStatus {
    VmStatus {
        name: text(name),
        uuid: Uuid::from_u128(7),
        state: VmState::Shutoff,
        cpus: 1,
        max_cpus: 1,
        memory_mib: 1500,
        max_memory_mib: 1500,
        ips: Vec::new(),
        image: None,
        template: None,
        labels: BTreeMap::new(),
        autostart: false,
        created: None,
        managed: false,
        uri: text("qemu:///system"),
        uptime_seconds: None,
        cpu_time_seconds: None,
        memory_used_mib: None,
        disks: Vec::new(),
        interfaces: Vec::new(),
        mounts: Vec::new(),
        firmware: Firmware::Bios,
        accel: "tcg",
        qmp: None,
        ssh: None,
        ttl_expires: None,
        protected: false,
        snapshots: Vec::new(),
        current_snapshot: None,
        serial_log: None,
        parent: None,
        children: Vec::new(),
        interrupted: false,
        published: Vec::new(),
        start: None,
        warm_reason: None,
        warm_state: None,
        forked_from: None,
    }
}

fn full() -> VmStatus {
    let port = |host, guest, protocol| PortPublish { host, guest, protocol };
    VmStatus {
        state: VmState::Running,
        cpus: 2,
        max_cpus: 8,
        memory_mib: 2048,
        max_memory_mib: 8192,
        ips: vec![parsed("192.168.122.10"), parsed("fd00:20::10")],
        image: Some(text("debian-13")),
        template: Some(text("debian")),
        labels: BTreeMap::from([(text("env"), text("test")), (text("tier"), text("1"))]),
        autostart: true,
        created: Some(past()),
        managed: true,
        uptime_seconds: Some(93_784),
        cpu_time_seconds: Some(421.26),
        memory_used_mib: Some(700),
        disks: all_disks(),
        interfaces: interfaces(),
        mounts: mounts(),
        firmware: Firmware::EfiSecure,
        accel: "kvm",
        qmp: Some(text("/run/libvirt/qemu/vmtools/web.qmp")),
        ssh: Some(SshStatus { user: text("debian"), host: Some(parsed("192.168.122.10")), port: 22 }),
        ttl_expires: Some(future()),
        protected: true,
        snapshots: texts(&["before-upgrade", ODD]),
        current_snapshot: Some(text("before-upgrade")),
        serial_log: Some(text("/var/log/libvirt/qemu/web-serial.log")),
        parent: Some(text("golden")),
        start: Some("warm"),
        warm_state: Some(text("warm-0a1b2c3d4e5f6071")),
        children: texts(&["web-1", "web-2"]),
        published: vec![port(8080, 80, Protocol::Tcp), port(5353, 53, Protocol::Udp)],
        ..bare("web")
    }
}

fn interfaces() -> Vec<InterfaceStatus> {
    let interface = |kind: &str, source: Option<&str>, portgroup: Option<&str>| InterfaceStatus {
        mac: text("52:54:00:00:00:01"),
        kind: text(kind),
        source: source.map(text),
        portgroup: portgroup.map(text),
        model: Some(text("virtio")),
        ips: Vec::new(),
    };
    vec![
        interface("network", Some("default"), None),
        interface("network", Some("lab"), Some("office")),
        interface("user", None, None),
    ]
}

fn mounts() -> Vec<MountStatus> {
    let known = MountStatus {
        host: Some(text("/srv/data")),
        tag: text("vmtools:0"),
        guest: Some(text("/data")),
        read_only: true,
        driver: Some(MountDriver::Virtiofs),
    };
    let unknown = MountStatus { host: None, tag: text("x"), guest: None, read_only: false, driver: None };
    vec![known, unknown]
}

#[test]
fn pages() {
    let ssh = Some(SshStatus { user: text("debian"), host: None, port: 22 });
    let interrupted = VmStatus { interrupted: true, ssh, ttl_expires: Some(past()), ..bare(ODD) };
    let booted = VmStatus { start: Some("cold"), warm_reason: Some(ColdReason::NoState), ..bare("web") };
    let forked = VmStatus { start: Some("fork"), forked_from: Some(text(ODD)), ..bare("web") };
    check(
        "status",
        &[
            ("status", status(&full())),
            ("status: little", status(&bare("web"))),
            ("status: interrupted", status(&interrupted)),
            ("status: booted", status(&booted)),
            ("status: forked", status(&forked)),
            ("disk list", disks(&all_disks())),
            ("disk list: none", disks(&[])),
        ],
    );
}

#[test]
fn changes() {
    let of = |name: &str, applied: &[Setting], on_next_start: &[Setting]| {
        let (applied, on_next_start) = (applied.to_vec(), on_next_start.to_vec());
        changed(&VmChanged { vm: bare(name), applied, on_next_start })
    };
    let all = [
        Setting::Cpus,
        Setting::Memory,
        Setting::DiskSize,
        Setting::Labels,
        Setting::Ttl,
        Setting::Autostart,
    ];
    check(
        "set",
        &[
            ("set", of("web", &all, &[])),
            ("set: at the next start", of(ODD, &[Setting::Labels], &[Setting::Cpus, Setting::Memory])),
            ("set: nothing", of("web", &[], &[])),
        ],
    );
}
