//! Results as text, pure: plain structs in, tables out.

mod column;
mod delete;
mod disk;
mod image;
mod network;
mod overview;
mod plain;
mod prometheus;
mod revert;
mod sample;
mod setting;
mod snapshot;
mod status;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod visible;

use std::fmt::Write;

use crate::manager::{
    AvailableImage, CheckStatus, Garbage, Plan, PulledImage, Reason, Setting, VmChanged, VmSummary,
};
use crate::model::{DiskSize, InterfaceSpec, MemorySize, PortPublish, SharedFolder, Timestamp, counted};
use crate::problem::doctor::CheckReport;
use crate::problem::{vmtools, warm};

pub use column::Column;
pub use delete::{delete_plans, deleted};
pub use disk::disks;
pub use image::{image, images, removed_image, unused_images};
pub use network::{network, network_delete_plans, network_made, network_plan, networks, speedup_plans};
pub use overview::{Overview, overview};
pub use plain::PlainText;
pub use prometheus::exposition;
pub use revert::{revert_plan, reverted};
pub use sample::{SampleColumn, bytes, samples, samples_as_csv};
pub use setting::{
    ChainLink, KeyValue, SettingRow, TemplateDocument, TemplateSettingRow, settings, template,
};
pub use snapshot::{
    deleted_snapshot, snapshot, snapshot_changed, snapshot_created, snapshot_deletions, snapshot_tree,
    snapshots,
};
pub use status::status;
use table::table;
pub use template::{CheckDocument, TemplateRow, choices, problems, templates};
pub use visible::{visible, visible_json, visible_lines};

/// The table of `list`.
pub fn vms(vms: &[VmSummary], columns: &[Column]) -> String {
    let heading: Vec<String> = columns.iter().map(|column| column.heading().to_owned()).collect();
    let rows = vms.iter().map(|vm| columns.iter().map(|column| column.cell(vm)).collect());
    table(heading, rows.collect())
}

/// The table of `image list --available`.
pub fn available_images(images: &[AvailableImage]) -> String {
    let heading = ["NAME", "OS", "ARCH", "USER", "ALIASES"];
    let rows = images.iter().map(|image| {
        let architectures: Vec<&str> = image.builds.iter().map(|build| build.arch.as_str()).collect();
        vec![
            image.name.clone(),
            or_dash(image.os.clone()),
            architectures.join(","),
            or_dash(image.default_user.clone()),
            or_dash((!image.aliases.is_empty()).then(|| image.aliases.join(","))),
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

/// A port of this host that leads to a guest.
pub fn published(port: &PortPublish) -> String {
    format!("127.0.0.1:{} -> {}/{}", port.host, port.guest, port.protocol.name())
}

/// What `create --dry-run` says.
pub fn plan(plan: &Plan) -> String {
    let mut text =
        plan.replaces.as_ref().map(|old| delete_plans(std::slice::from_ref(old), true)).unwrap_or_default();
    let _ = writeln!(text, "create the VM {} on {}", plan.name, plan.uri);
    let size = DiskSize::from_bytes(plan.disk_size_bytes);
    let memory = MemorySize::from_mib(plan.memory_mib);
    let cpus = cpu_room(plan.cpus, plan.max_cpus);
    let most = room(plan.memory_mib, plan.max_memory_mib);
    let _ = writeln!(
        text,
        "  {}{cpus} ({}), {memory}{most} of memory, a {size} disk, {}",
        counted(plan.cpus.into(), "vCPU"),
        plan.accel,
        plan.firmware
    );
    let image = plan.image.as_deref().unwrap_or("an empty disk");
    let here = if plan.image_cached == Some(false) { ", to be downloaded" } else { "" };
    let _ = writeln!(text, "  from {image}{here}");
    for iso in &plan.cdroms {
        let _ = writeln!(text, "  with {} in a CD-ROM drive", visible(iso));
    }
    let networks: Vec<String> = plan.networks.iter().map(InterfaceSpec::in_words).collect();
    let _ = writeln!(text, "  on {}", visible(&networks.join(", ")));
    for network in &plan.networks_to_start {
        let _ = writeln!(text, "  starting the network {}", visible(network));
    }
    for port in &plan.publish {
        let _ = writeln!(text, "  publishing {port} on 127.0.0.1");
    }
    for folder in &plan.mounts {
        let SharedFolder { host, guest, driver, .. } = folder;
        let _ =
            writeln!(text, "  mounting {host} at {guest} ({}{})", driver.name(), read_only(folder.read_only));
    }
    if plan.pool_is_new {
        let _ = writeln!(text, "  creating the storage pool {}", visible(&plan.pool));
    }
    for file in &plan.files {
        let _ = writeln!(text, "  creating {}", visible(file));
    }
    if plan.start {
        text.push_str(if plan.warm == Some(true) {
            "  starting the VM from a warm state\n"
        } else {
            "  starting the VM\n"
        });
    }
    if let Some(reason) = plan.warm_reason {
        let _ = writeln!(text, "  without a warm state: {}", warm::reason(reason));
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
        let restart = vmtools("restart").arg(&changed.vm.name);
        let _ = writeln!(text, "{name}: at the next start: {waiting} ({})", visible(&restart.to_string()));
    }
    text
}

/// A line of `gc`.
pub fn garbage(item: &Garbage, dry_run: bool) -> String {
    let why = match item.reason {
        Reason::Unfinished => "left by a create that was killed",
        Reason::Expired => "time to live expired",
        Reason::BrokenUpload => "abandoned upload",
        Reason::BrokenDownload => "interrupted download",
        Reason::BrokenImport => "left by an image import or commit that was killed",
        Reason::Orphan => "left by a VM that no longer exists",
        Reason::StaleSocket => "socket left by a QEMU that was killed",
        Reason::ForgottenPool => "temporary pool left by a clone that was killed",
        Reason::BrokenCommit => "left by an image commit that was killed",
        Reason::WarmState => "warm state that is of no use",
        Reason::ForkOverlay => "an overlay left by a fork that was killed; it is merged into the VM's disk",
        Reason::ExpiredSnapshot => "expired snapshot",
        Reason::UnfinishedRevert => "left by a snapshot revert that was killed",
        Reason::UnfinishedSnapshot => "left by a snapshot create or delete that was killed",
        Reason::BrokenWrite => "left by a command that was killed while writing a file",
    };
    let name = visible(&item.name);
    match item.removable_at {
        Some(time) => {
            let seconds = time.remaining().as_secs() + 1;
            format!(
                "cannot be removed yet: {name} ({why}, or still in use); gc can remove it in {seconds}s\n"
            )
        }
        None if dry_run => {
            let mut text = format!("would remove {name} ({why})\n");
            // Of what is a file itself that is said already.
            for file in item.files.iter().filter(|file| !file.ends_with(&item.name)) {
                let _ = writeln!(text, "  with {}", visible(file));
            }
            text
        }
        None => format!("removed {name} ({why})\n"),
    }
}

/// The room above the vCPUs that a VM has.
fn cpu_room(cpus: u32, max: u32) -> String {
    if max > cpus { format!(" (up to {max})") } else { String::new() }
}

/// The room above the memory that a VM has.
fn room(mib: u64, max_mib: u64) -> String {
    if max_mib > mib { format!(" (up to {})", MemorySize::from_mib(max_mib)) } else { String::new() }
}

fn expiry(time: Timestamp) -> String {
    if time.is_past() { format!("{time} (expired)") } else { time.to_string() }
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
