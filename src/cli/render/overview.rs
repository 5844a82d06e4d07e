use serde::Serialize;

use super::visible;
use crate::model::counted;
use crate::problem::vmtools;

/// What `vmtools` without a command tells.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// The program's version.
    pub version: &'static str,
    /// The libvirt connection.
    pub uri: String,
    /// Why libvirt does not answer there; `None` when it does.
    pub libvirt_error: Option<String>,
    /// How many VMs there are, whoever made them.
    pub vm_count: u64,
    /// The names of those that are running.
    pub running: Vec<String>,
    /// The names of those that can be started.
    pub stopped: Vec<String>,
    /// How many images are stored on this host.
    pub image_count: u64,
}

/// What exists, then the commands that come next.
pub fn overview(overview: &Overview) -> String {
    let mut lines = vec![
        format!("vmtools {}: virtual machines on libvirt and QEMU/KVM", overview.version),
        String::new(),
    ];
    match &overview.libvirt_error {
        Some(error) => lines.push(visible(error).to_string()),
        None => lines.push(format!(
            "{}: {} ({} running), {}",
            overview.uri,
            counted(overview.vm_count, "VM"),
            overview.running.len(),
            counted(overview.image_count, "image")
        )),
    }
    lines.push(String::new());
    let mut next = |command: String, what: &str| lines.push(format!("  {command:<58} {what}"));
    if overview.libvirt_error.is_some() {
        next("vmtools doctor".into(), "check this host");
    }
    next("vmtools create NAME --template ubuntu --start --wait".into(), "create a VM");
    match (overview.running.first(), overview.stopped.first()) {
        (Some(name), _) => {
            next(format!("{:#}", vmtools("ssh").arg(name)), "log in");
            next("vmtools monitor".into(), "watch the running VMs");
        }
        (None, Some(name)) => next(format!("{:#}", vmtools("start").arg(name).flag("--wait")), "start a VM"),
        (None, None) => {}
    }
    if overview.vm_count > 0 {
        next("vmtools list --all".into(), "list all VMs");
    }
    next("vmtools help".into(), "list commands and guides");
    lines.join("\n") + "\n"
}
