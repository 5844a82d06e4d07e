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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(running: &[&str], stopped: &[&str], error: Option<&str>) -> String {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        overview(&Overview {
            version: "1.2.3",
            uri: "qemu:///system".into(),
            libvirt_error: error.map(str::to_owned),
            vm_count: (running.len() + stopped.len()) as u64,
            running: names(running),
            stopped: names(stopped),
            image_count: 1,
        })
    }

    #[test]
    fn what_comes_next_is_what_can_be_done() {
        let none = of(&[], &[], None);
        assert!(none.contains("0 VMs (0 running), 1 image") && !none.contains("vmtools ssh"), "{none}");
        let one = of(&["my web"], &["db"], None);
        assert!(one.contains("2 VMs (1 running)") && one.contains("vmtools ssh 'my web'"), "{one}");
        let stopped = of(&[], &["db"], None);
        assert!(stopped.contains("vmtools start db --wait"), "{stopped}");
        let unreachable = of(&[], &[], Some("cannot connect"));
        assert!(unreachable.contains("\ncannot connect\n") && unreachable.contains("vmtools doctor"));
        assert!([none, one, stopped, unreachable].iter().all(|text| text.lines().count() <= 10));
    }
}
