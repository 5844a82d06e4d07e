//! The page of `status`.

use std::fmt::Write;

use super::{cpu_room, expiry, published, read_only, room, span, visible, yes_no};
use crate::manager::VmStatus;
use crate::model::{DiskSize, MemorySize, MountDriver};
use crate::problem::{vmtools, warm};

/// Lines of a name and a value.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, name: &str, value: impl AsRef<str>) {
        let _ = writeln!(self.0, "{name:<12} {}", visible(value.as_ref()));
    }
}

/// The page of `status`.
pub fn status(vm: &VmStatus) -> String {
    let mut page = Page::default();
    what_it_is(&mut page, vm);
    how_to_reach_it(&mut page, vm);
    where_it_comes_from(&mut page, vm);
    devices(&mut page, vm);
    for snapshot in &vm.snapshots {
        let is_current = vm.current_snapshot.as_ref() == Some(snapshot);
        page.line("snapshot", format!("{snapshot}{}", if is_current { " (current)" } else { "" }));
    }
    page.0
}

fn what_it_is(page: &mut Page, vm: &VmStatus) {
    page.line("name", &vm.name);
    page.line("uuid", vm.uuid.to_string());
    let interrupted = format!(" (its create or delete was interrupted; {:#} removes it)", vmtools("gc"));
    page.line("state", format!("{}{}", vm.state, if vm.interrupted { &interrupted } else { "" }));
    page.line("connection", &vm.uri);
    let cpus = cpu_room(vm.cpus, vm.max_cpus);
    page.line("cpus", format!("{}{cpus} ({})", vm.cpus, vm.accel));
    let used = vm.memory_used_mib.map(|mib| format!(", {} used", MemorySize::from_mib(mib)));
    let (used, most) = (used.unwrap_or_default(), room(vm.memory_mib, vm.max_memory_mib));
    page.line("memory", format!("{}{most}{used}", MemorySize::from_mib(vm.memory_mib)));
    page.line("firmware", vm.firmware.to_string());
}

fn how_to_reach_it(page: &mut Page, vm: &VmStatus) {
    for ip in &vm.ips {
        page.line("ip", ip.to_string());
    }
    for port in &vm.published {
        page.line("published", published(port));
    }
    if let Some(ssh) = &vm.ssh {
        let place = ssh.host.map(|host| format!("@{host} port {}", ssh.port));
        let place = place.unwrap_or_else(|| ", no address yet".to_owned());
        page.line("ssh", format!("{:#}   ({}{place})", vmtools("ssh").arg(&vm.name), ssh.user));
    }
}

fn where_it_comes_from(page: &mut Page, vm: &VmStatus) {
    let optional = [
        ("linked to", vm.parent.clone()),
        ("clones", Some(vm.children.join(", ")).filter(|names| !names.is_empty())),
        ("image", vm.image.clone()),
        ("template", vm.template.clone()),
        ("started", vm.warm_state.as_ref().map(|state| format!("from the warm state {state}"))),
        ("forked", vm.forked_from.as_ref().map(|parent| format!("from {parent} while it was running"))),
        ("booted", vm.warm_reason.map(|reason| format!("instead of a warm start: {}", warm::reason(reason)))),
        ("created", vm.created.map(|time| time.to_string())),
        ("expires", vm.ttl_expires.map(expiry)),
        ("uptime", vm.uptime_seconds.map(span)),
        ("cpu time", vm.cpu_time_seconds.map(|seconds| format!("{seconds:.1} s"))),
        ("qmp", vm.qmp.clone()),
        ("serial log", vm.serial_log.clone()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            page.line(name, value);
        }
    }
    page.line("autostart", yes_no(vm.autostart));
    page.line("protected", yes_no(vm.protected));
    for (key, value) in &vm.labels {
        page.line("label", format!("{key}={value}"));
    }
}

fn devices(page: &mut Page, vm: &VmStatus) {
    let size = |bytes: Option<u64>| {
        bytes.map_or_else(|| "?".into(), |bytes| DiskSize::from_bytes(bytes).to_string())
    };
    for disk in &vm.disks {
        let (capacity, taken) = (size(disk.capacity_bytes), size(disk.allocation_bytes));
        let path = disk.path.as_deref().or(disk.source.as_deref()).unwrap_or("-");
        page.line("disk", format!("{} {capacity} ({taken} allocated) {path}", disk.target));
    }
    for interface in &vm.interfaces {
        let group =
            interface.portgroup.as_ref().map_or_else(String::new, |group| format!(" port group {group}"));
        let source = interface.source.as_ref().map_or_else(String::new, |source| format!(" {source}"));
        page.line("network", format!("{} {}{source}{group}", interface.mac, interface.kind));
    }
    for mount in &vm.mounts {
        let host = mount.host.as_deref().unwrap_or("-");
        let driver = mount.driver.map_or("?", MountDriver::name);
        let guest = mount.guest.as_ref().map_or_else(String::new, |guest| format!(" at {guest}"));
        let tag = &mount.tag;
        page.line("mount", format!("{host}{guest} as {tag} ({driver}{})", read_only(mount.read_only)));
    }
}
