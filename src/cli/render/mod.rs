//! Results as text, pure: plain structs in, tables out.

mod column;
mod delete;
mod disk;
mod image;
mod network;
mod plain;
mod prometheus;
mod sample;
mod setting;
mod table;
mod template;
mod visible;

use std::fmt::Write;

use crate::manager::{
    AvailableImage, CheckStatus, Garbage, Plan, PulledImage, Reason, Setting, VmChanged, VmStatus, VmSummary,
};
use crate::model::{
    CardSpec, DiskSize, MemorySize, MountDriver, PortPublish, SharedFolder, Timestamp, counted,
};
use crate::problem::doctor::CheckReport;
use crate::problem::vmtools;

pub use column::Column;
pub use delete::{delete_plans, deleted};
pub use disk::disks;
pub use image::{image, images, removed_image, unused_images};
pub use network::{network, network_delete_plans, network_made, network_plan, networks};
pub use plain::PlainText;
pub use prometheus::exposition;
pub use sample::{SampleColumn, bytes, samples, samples_as_csv};
pub use setting::{
    ChainLink, KeyValue, SettingRow, TemplateDocument, TemplateSettingRow, settings, template,
};
use table::table;
pub use template::{CheckDocument, TemplateRow, problems, templates};
pub use visible::{visible, visible_json, visible_lines};

/// The table of `list`.
pub fn vms(vms: &[VmSummary], columns: &[Column]) -> String {
    let heading: Vec<String> = columns.iter().map(|column| column.heading().to_owned()).collect();
    let rows = vms.iter().map(|vm| columns.iter().map(|column| column.cell(vm)).collect());
    table(heading, rows.collect())
}

/// The table of `image list --available`.
pub fn available_images(images: &[AvailableImage]) -> String {
    let heading = ["NAME", "ALIASES", "USER", "FIRMWARE"];
    let rows = images.iter().map(|image| {
        vec![
            image.name.clone(),
            or_dash((!image.aliases.is_empty()).then(|| image.aliases.join(","))),
            or_dash(image.default_user.clone()),
            image.firmware.map_or_else(|| "any".to_owned(), |firmware| firmware.to_string()),
        ]
    });
    table(heading.map(str::to_owned).to_vec(), rows.collect())
}

/// The line of `image pull`, unless there was nothing to pull.
pub fn pulled_image(pulled: &PulledImage) -> String {
    if pulled.was_there {
        return String::new();
    }
    let image = &pulled.image;
    let size = DiskSize::from_bytes(image.size_bytes);
    format!("pulled {} ({size}, {})\n", image.name, or_dash(image.digest.clone()))
}

/// A definition, as `--print-xml` prints it.
#[derive(Debug, serde::Serialize)]
pub struct XmlDocument {
    name: String,
    xml: String,
}

impl XmlDocument {
    pub fn new(name: impl Into<String>, xml: String) -> Self {
        Self { name: name.into(), xml }
    }
}

/// What `--print-xml` prints.
pub fn xml_document(document: &XmlDocument) -> String {
    format!("{}\n", document.xml)
}

/// The list of `doctor`, each failure with what fixes it.
pub fn checks(checks: &[CheckReport]) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check.status {
            CheckStatus::Ok => "ok     ",
            CheckStatus::Warning => "warning",
            CheckStatus::Failure => "FAILURE",
        };
        let _ = writeln!(text, "{mark}  {:<9} {}", check.id, visible(&check.detail));
        if let Some(fix) = &check.fix {
            let _ = writeln!(text, "         fix:      {}", visible(fix));
        }
    }
    text
}

/// The page of `status`.
pub fn status(vm: &VmStatus) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12} {}", visible(&value));
    };
    line("name", vm.name.clone());
    line("uuid", vm.uuid.to_string());
    let interrupted = format!(" (its create or delete was interrupted; {:#} removes it)", vmtools("gc"));
    line("state", format!("{}{}", vm.state, if vm.interrupted { &interrupted } else { "" }));
    line("connection", vm.uri.clone());
    let cpus = cpu_room(vm.cpus, vm.max_cpus);
    line("cpus", format!("{}{cpus} ({})", vm.cpus, vm.accel));
    let used =
        vm.memory_used_mib.map_or_else(String::new, |mib| format!(", {} used", MemorySize::from_mib(mib)));
    let most = room(vm.memory_mib, vm.max_memory_mib);
    line("memory", format!("{}{most}{used}", MemorySize::from_mib(vm.memory_mib)));
    line("firmware", vm.firmware.to_string());
    for ip in &vm.ips {
        line("ip", ip.to_string());
    }
    for port in &vm.published {
        line("published", published(port));
    }
    if let Some(ssh) = &vm.ssh {
        let place = ssh.host.map(|host| format!("@{host} port {}", ssh.port));
        let place = place.unwrap_or_else(|| ", no address yet".to_owned());
        line("ssh", format!("{:#}   ({}{place})", vmtools("ssh").arg(&vm.name), ssh.user));
    }
    let optional = [
        ("linked to", vm.parent.clone()),
        ("clones", Some(vm.children.join(", ")).filter(|names| !names.is_empty())),
        ("image", vm.image.clone()),
        ("template", vm.template.clone()),
        ("created", vm.created.map(|time| time.to_string())),
        ("expires", vm.ttl_expires.map(expiry)),
        ("uptime", vm.uptime_seconds.map(span)),
        ("cpu time", vm.cpu_time_seconds.map(|seconds| format!("{seconds:.1} s"))),
        ("qmp", vm.qmp.clone()),
        ("serial log", vm.serial_log.clone()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            line(name, value);
        }
    }
    line("autostart", yes_no(vm.autostart).to_owned());
    line("protected", yes_no(vm.protected).to_owned());
    for (key, value) in &vm.labels {
        line("label", format!("{key}={value}"));
    }
    for disk in &vm.disks {
        let size =
            disk.capacity_bytes.map_or_else(|| "?".into(), |bytes| DiskSize::from_bytes(bytes).to_string());
        let taken =
            disk.allocation_bytes.map_or_else(|| "?".into(), |bytes| DiskSize::from_bytes(bytes).to_string());
        let path = disk.path.as_deref().unwrap_or("-");
        line("disk", format!("{} {size} ({taken} taken) {path}", disk.target));
    }
    for card in &vm.interfaces {
        let group = card.portgroup.as_ref().map_or_else(String::new, |group| format!(" port group {group}"));
        let source = card.source.as_deref().unwrap_or("");
        line("network", format!("{} {} {source}{group}", card.mac, card.kind));
    }
    for mount in &vm.mounts {
        let host = mount.host.as_deref().unwrap_or("-");
        let driver = mount.driver.map_or("?", MountDriver::name);
        let guest = mount.guest.as_ref().map_or_else(String::new, |guest| format!(" at {guest}"));
        let tag = &mount.tag;
        line("mount", format!("{host}{guest} as {tag} ({driver}{})", read_only(mount.read_only)));
    }
    for snapshot in &vm.snapshots {
        line("snapshot", snapshot.clone());
    }
    text
}

/// A port of this host that leads to a guest.
pub fn published(port: &PortPublish) -> String {
    format!("127.0.0.1:{} -> {}/{}", port.host, port.guest, port.protocol.name())
}

/// What `create --dry-run` says.
pub fn plan(plan: &Plan) -> String {
    let mut text =
        plan.replaces.as_ref().map(|old| delete_plans(std::slice::from_ref(old))).unwrap_or_default();
    let _ = writeln!(text, "create the VM {} on {}", plan.name, plan.uri);
    let size = DiskSize::from_bytes(plan.disk_size_bytes);
    let memory = MemorySize::from_mib(plan.memory_mib);
    let cpus = cpu_room(plan.cpus, plan.max_cpus);
    let most = room(plan.memory_mib, plan.max_memory_mib);
    let _ = writeln!(
        text,
        "  {}{cpus} ({}), {memory}{most} of memory, a disk of {size}, {}",
        counted(plan.cpus.into(), "CPU"),
        plan.accel,
        plan.firmware
    );
    let image = plan.image.as_deref().unwrap_or("an empty disk");
    let here = if plan.image_cached == Some(false) { ", to be downloaded" } else { "" };
    let _ = writeln!(text, "  from {image}{here}");
    let networks: Vec<String> = plan.networks.iter().map(CardSpec::in_words).collect();
    let _ = writeln!(text, "  on {}", visible(&networks.join(", ")));
    for folder in &plan.mounts {
        let SharedFolder { host, guest, driver, .. } = folder;
        let _ =
            writeln!(text, "  mounting {host} at {guest} ({}{})", driver.name(), read_only(folder.read_only));
    }
    for file in &plan.files {
        let _ = writeln!(text, "  making {}", visible(file));
    }
    text
}

/// What `set` did.
pub fn changed(changed: &VmChanged) -> String {
    let name = visible(&changed.vm.name);
    let names = |settings: &[Setting]| {
        let names: Vec<_> = settings.iter().map(|setting| setting.name()).collect();
        names.join(", ")
    };
    let mut text = String::new();
    if !changed.applied.is_empty() {
        let _ = writeln!(text, "{name}: changed: {}", names(&changed.applied));
    }
    if !changed.on_next_start.is_empty() {
        let waiting = names(&changed.on_next_start);
        let restart = vmtools("restart").arg(&name);
        let _ = writeln!(text, "{name}: from its next start: {waiting} ({restart})");
    }
    text
}

/// A line of `gc`.
pub fn garbage(item: &Garbage, dry_run: bool) -> String {
    let why = match item.reason {
        Reason::Unfinished => "left by a create that was killed",
        Reason::Expired => "its time to live is over",
        Reason::BrokenUpload => "an upload that was given up",
        Reason::BrokenDownload => "a download that broke off",
        Reason::BrokenImport => "left by an image import or commit that was killed",
        Reason::Orphan => "left by a VM that is gone",
        Reason::StaleSocket => "a socket left by a QEMU that was killed",
        Reason::ForgottenPool => "a pool for the time being, left by a clone that was killed",
        Reason::BrokenCommit => "left by an image commit that was killed",
        Reason::BrokenWrite => "left by a command that was killed while writing a file",
    };
    let name = visible(&item.name);
    match item.removable_at {
        Some(time) => {
            let seconds = time.remaining().as_secs() + 1;
            format!(
                "not yet removable: {name} ({why}, or still in use); gc removes it in {seconds}s at the earliest\n"
            )
        }
        None if dry_run => format!("would remove {name} ({why})\n"),
        None => format!("removed {name} ({why})\n"),
    }
}

/// The room above the processors that a VM has.
fn cpu_room(cpus: u32, max: u32) -> String {
    if max > cpus { format!(" (up to {max})") } else { String::new() }
}

/// The room above the memory that a VM has.
fn room(mib: u64, max_mib: u64) -> String {
    if max_mib > mib { format!(" (up to {})", MemorySize::from_mib(max_mib)) } else { String::new() }
}

fn expiry(time: Timestamp) -> String {
    if time.is_past() { format!("{time} (over)") } else { time.to_string() }
}

fn span(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

fn read_only(value: bool) -> &'static str {
    if value { ", read-only" } else { "" }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".into())
}
