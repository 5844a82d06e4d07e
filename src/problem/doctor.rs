//! What `doctor` found, in words.

use serde::Serialize;

use super::{Command, command, daemon_start, virsh, vmtools};
use crate::manager::{
    Check, CheckStatus, Finding, KvmFault, MachinePart, Membership, PasstFault, QmpFolder, Socket, installer,
};
use crate::model::ConnectionUri;

/// A check in words.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// A name that doesn't change.
    pub id: &'static str,
    /// How it came out.
    pub status: CheckStatus,
    /// What was found.
    pub detail: String,
    /// What fixes it: a command, or what to do.
    pub fix: Option<String>,
}

/// The check in words.
pub fn report(check: &Check) -> CheckReport {
    let is_ok = check.status == CheckStatus::Ok;
    let fix = fix(&check.finding).filter(|_| !is_ok);
    CheckReport { id: check.id, status: check.status, detail: detail(&check.finding), fix }
}

fn detail(finding: &Finding) -> String {
    use Finding as F;
    match finding {
        F::Tool { path: Some(path), .. } => path.display().to_string(),
        F::Tool { program, path: None } => format!("{program} is not installed"),
        F::Libvirt { uri, daemon, client, qemu, needed } => {
            let qemu = qemu.map_or_else(|| "no QEMU".to_owned(), |version| format!("QEMU {version}"));
            let needed = needed.map(|needed| format!("; {needed} is required")).unwrap_or_default();
            format!("{uri}: libvirt {daemon}, {qemu}, virsh {client}{needed}")
        }
        F::NoLibvirt { error, .. } | F::PoolFault { error, .. } | F::Unknown { error } => error.clone(),
        F::Kvm { fault: None, .. } => "usable".to_owned(),
        F::Kvm { fault: Some(fault), .. } => {
            format!("{fault}; guests are emulated, at least ten times slower")
        }
        F::Group(membership) => group(*membership).to_owned(),
        F::Socket(Socket::Reachable { path }) => path.display().to_string(),
        F::Socket(Socket::Denied { path }) => {
            format!("this user is not allowed to connect to {}", path.display())
        }
        F::Socket(Socket::Dead { .. } | Socket::Absent) => "no libvirt system daemon is listening".to_owned(),
        F::Machine { present, missing } if missing.is_empty() => format!("available: {}", parts(present)),
        F::Machine { missing, .. } => format!("not installed: {}", parts(missing)),
        F::Network { name, active: true, delay_seconds: 0, .. } => format!("{name} is active"),
        F::Network { name, active: true, delay_seconds, .. } => {
            format!(
                "{name} is active, but a new VM waits about {delay_seconds} s longer than necessary for its address"
            )
        }
        F::Network { name, active: false, .. } => format!("{name} is inactive; create starts it"),
        F::OtherNetwork { spec } => format!("VMs use {spec}"),
        F::Pool { path, blocked: Some(_), .. } => format!("the user that QEMU runs as cannot access {path}"),
        F::Pool { name, path, free, blocked: None } => format!("{name}: {free} free in {path}"),
        F::NoPoolYet { name } => format!("the first create will create the pool {name}"),
        F::Passt { fault: None } => "user-mode networking uses passt".to_owned(),
        F::Passt { fault: Some(fault) } => format!("{fault}; QEMU's slower slirp is used instead"),
        F::Virtiofs { path: Some(path) } => format!("host directories are shared through {}", path.display()),
        F::Virtiofs { path: None } => {
            "virtiofsd is not installed; host directories are shared through 9p, which fewer guests support"
                .to_owned()
        }
        F::Qmp(QmpFolder::Usable(path)) => path.display().to_string(),
        F::Qmp(QmpFolder::Missing(path)) => format!("there is no directory {}", path.display()),
        F::Qmp(QmpFolder::NotWritable(path)) => {
            format!("the user that QEMU runs as cannot write to {}", path.display())
        }
        F::NoRuntimeFolder => "XDG_RUNTIME_DIR is not set".to_owned(),
        F::Memory { available_mib, total_mib } => format!("{available_mib} of {total_mib} MiB free"),
    }
}

/// A command stands alone, for pasting.
fn fix(finding: &Finding) -> Option<String> {
    use Finding as F;
    let join_group = || format!("{:#}", command("sudo usermod -aG libvirt \"$USER\""));
    Some(match finding {
        F::NoLibvirt { uri, is_here: false, .. } => on(uri, virsh("version")),
        F::NoLibvirt { hangs: true, .. } => {
            "journalctl -u libvirtd; sudo systemctl restart libvirtd".to_owned()
        }
        // What is there and does not run needs no installation. A session's daemon starts by itself.
        F::NoLibvirt { uri, .. } if !uri.is_session() => daemon_start().map_or_else(installer, str::to_owned),
        F::Socket(Socket::Dead { .. } | Socket::Absent) => {
            daemon_start().map_or_else(installer, str::to_owned)
        }
        F::Kvm { fault: Some(KvmFault::NotADevice), .. } => "sudo rm /dev/kvm".to_owned(),
        F::Kvm { fault: Some(KvmFault::Denied), .. } => "sudo usermod -aG kvm \"$USER\"".to_owned(),
        // The processor can, as far as the kernel tells; the firmware may still forbid it.
        F::Kvm { fault: Some(KvmFault::NoModule), .. } => {
            "sudo modprobe kvm_intel || sudo modprobe kvm_amd".to_owned()
        }
        F::Kvm { is_root, .. } => {
            let group = if *is_root { "" } else { "; then: sudo usermod -aG kvm \"$USER\"" };
            format!(
                "enable virtualization (VT-x, AMD-V) in the firmware, or nested virtualization on the host{group}"
            )
        }
        F::Group(Membership::AfterNewLogin) => "newgrp libvirt".to_owned(),
        F::Group(_) | F::Socket(Socket::Denied { .. }) => join_group(),
        F::Network { name, active: true, .. } => {
            format!("{:#}", vmtools("network set").arg(name).flag("--fast"))
        }
        F::Network { name, uri, .. } => on(uri, virsh("net-start").arg(name)),
        F::Pool { blocked: Some(fix), .. } => fix.clone(),
        F::Pool { .. } => format!("{:#}", vmtools("gc")),
        F::PoolFault { name, uri, .. } => on(uri, virsh("pool-start").arg(name)),
        F::Passt { fault: Some(PasstFault::NoRoute) } => "sudo ip route add default via GATEWAY".to_owned(),
        F::NoRuntimeFolder => "export XDG_RUNTIME_DIR=/run/user/$(id -u)".to_owned(),
        F::Memory { .. } => format!("{:#}", vmtools("stop").flag("--all")),
        _ => installer(),
    })
}

fn on(uri: &ConnectionUri, command: Command) -> String {
    format!("{:#}", command.option("--connect", uri))
}

fn group(membership: Membership) -> &'static str {
    match membership {
        Membership::Yes => "this login is in the group libvirt",
        Membership::AfterNewLogin => "in the group libvirt, but not in this login session",
        Membership::No | Membership::NoGroup => "not in the group libvirt",
    }
}

fn parts(parts: &[MachinePart]) -> String {
    let name = |part: &MachinePart| match part {
        MachinePart::Efi => "UEFI",
        MachinePart::SecureBoot => "Secure Boot",
        MachinePart::Tpm => "TPM",
    };
    parts.iter().map(name).collect::<Vec<_>>().join(", ")
}
