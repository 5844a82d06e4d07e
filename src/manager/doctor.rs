use std::path::PathBuf;

use super::create::network::passt_fault;
use crate::host::{self, Kvm, KvmFault, Membership, QmpFolder, Socket, Tool, installer};
use crate::libvirt;
use crate::manager::operation::noun;
use crate::manager::storage::Storage;
use crate::model::NetworkSpec;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Fine.
    Ok,
    /// It works, but less well than it could.
    Warning,
    /// VMs can't be made so.
    Failure,
}

/// One thing that `create` needs.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Check {
    /// A name that doesn't change.
    pub id: &'static str,
    /// How it came out.
    pub status: CheckStatus,
    /// What was found.
    pub detail: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

const ROOM: u64 = 5 << 30;

noun! {
    /// Whatever a create needs, checked.
    Doctor
}

impl Doctor<'_> {
    /// Checks whatever a create needs, as far as one check lets the next be made.
    pub async fn doctor(&self) -> Vec<Check> {
        let mut checks = self.tools();
        checks.push(kvm());
        checks.extend(groups(self.op.locality().is_session()));
        let connected = self.connection(&mut checks).await;
        if connected {
            checks.push(self.machine_check().await);
            checks.push(self.network_check().await);
            checks.push(self.pool_check().await);
        } else {
            checks.push(socket_check().await);
        }
        checks.push(self.user_network_check());
        checks.extend(self.mount_check());
        checks.push(self.qmp_check());
        checks.extend(memory());
        checks
    }

    fn tools(&self) -> Vec<Check> {
        let tools = [
            ("virsh", Tool::Virsh, CheckStatus::Failure),
            ("qemu", Tool::QemuSystem, CheckStatus::Failure),
            ("qemu-img", Tool::QemuImg, CheckStatus::Failure),
            ("ssh", Tool::Ssh, CheckStatus::Warning),
        ];
        tools
            .into_iter()
            // The daemon's host is the one that needs QEMU.
            .filter(|(id, ..)| self.op.locality().is_here() || !id.starts_with("qemu"))
            .map(|(id, tool, missing)| match host::tool(tool) {
                Some(path) => ok(id, path.display().to_string()),
                None => bad(id, missing, format!("{} is not installed", tool.program()), installer()),
            })
            .collect()
    }

    async fn connection(&self, checks: &mut Vec<Check>) -> bool {
        match self.op.client().versions().await {
            Ok(versions) => {
                let qemu =
                    versions.qemu.map_or_else(|| "no QEMU".to_owned(), |version| format!("QEMU {version}"));
                let detail = format!(
                    "{}: libvirt {}, {qemu}, virsh {}",
                    self.op.uri(),
                    versions.daemon,
                    versions.client
                );
                let oldest = libvirt::Version(9, 0, 0);
                checks.push(if versions.daemon < oldest {
                    bad("libvirt", CheckStatus::Failure, format!("{detail}; {oldest} is needed"), installer())
                } else {
                    ok("libvirt", detail)
                });
                true
            }
            Err(error) => {
                let fix = match &error {
                    _ if !self.op.locality().is_here() => format!("virsh -c {} version", self.op.uri()),
                    libvirt::Error::TimedOut { .. } => {
                        "journalctl -u libvirtd; sudo systemctl restart libvirtd".to_owned()
                    }
                    _ => installer(),
                };
                checks.push(bad("libvirt", CheckStatus::Failure, error.to_string(), fix));
                false
            }
        }
    }

    async fn machine_check(&self) -> Check {
        let found = match self.op.client().domain_capabilities().await {
            Ok(found) => found,
            Err(error) => return bad("machine", CheckStatus::Failure, error.to_string(), installer()),
        };
        let parts = [(found.efi, "UEFI"), (found.secure_boot, "Secure Boot"), (found.tpm, "a TPM")];
        let named = |there: bool| {
            let names: Vec<_> = parts.iter().filter(|part| part.0 == there).map(|part| part.1).collect();
            names.join(", ")
        };
        if named(false).is_empty() {
            return ok("machine", format!("{} can be had", named(true)));
        }
        let detail = format!("not installed: {}; machines with UEFI or a TPM need it", named(false));
        bad("machine", CheckStatus::Warning, detail, installer())
    }

    async fn network_check(&self) -> Check {
        let name = match (&self.op.config().defaults.network, self.op.locality().is_session()) {
            (Some(NetworkSpec::Network(name)), _) => name.clone(),
            (None, false) => "default".to_owned(),
            (Some(other), _) => return ok("network", format!("{other} is used")),
            (None, true) => return ok("network", "user-mode networking is used"),
        };
        match self.op.client().network(&name).await {
            Ok(network) if network.active => ok("network", format!("{name} is active")),
            Ok(_) => {
                let fix = format!("virsh -c {} net-start {name}", self.op.uri());
                bad("network", CheckStatus::Warning, format!("{name} is off; create starts it"), fix)
            }
            Err(error) => bad("network", CheckStatus::Failure, error.to_string(), installer()),
        }
    }

    async fn pool_check(&self) -> Check {
        let name = self.op.config().storage.pool.as_str();
        match self.op.client().pool(name).await {
            Ok(Some(pool)) => {
                let free = Storage::of(self.op).room_in(&pool);
                let detail =
                    format!("{name}: {} free in {}", crate::model::DiskSize::from_bytes(free), pool.path);
                if free < ROOM {
                    bad("storage", CheckStatus::Warning, detail, "vmtools gc")
                } else if let Some(blocker) = self.pool_blocker(&pool.path) {
                    bad(
                        "storage",
                        CheckStatus::Failure,
                        format!("QEMU's user cannot get at {}", pool.path),
                        blocker.fix,
                    )
                } else {
                    ok("storage", detail)
                }
            }
            Ok(None) => ok("storage", format!("the pool {name} is made by the first create")),
            Err(error) => bad(
                "storage",
                CheckStatus::Failure,
                error.to_string(),
                format!("virsh -c {} pool-start {name}", self.op.uri()),
            ),
        }
    }

    fn pool_blocker(&self, folder: &str) -> Option<host::Blocker> {
        if !self.op.locality().is_here() || self.op.locality().is_session() {
            return None;
        }
        host::blocker(&host::qemu_account()?, &PathBuf::from(folder).join("any"), None).ok().flatten()
    }

    fn user_network_check(&self) -> Check {
        match passt_fault() {
            None => ok("passt", "user-mode networking by passt"),
            Some(reason) => bad(
                "passt",
                CheckStatus::Warning,
                format!("{reason}; QEMU's slower slirp is used"),
                installer(),
            ),
        }
    }

    fn mount_check(&self) -> Option<Check> {
        let detail = match host::tool(Tool::Virtiofsd) {
            Some(path) => format!("folders are mounted by {}", path.display()),
            None => {
                "virtiofsd is not installed; folders are mounted by 9p, which fewer guests know".to_owned()
            }
        };
        self.op.locality().is_here().then(|| ok("virtiofs", detail))
    }

    fn qmp_check(&self) -> Check {
        if self.op.locality().is_session() {
            return match host::session_qmp_folder() {
                Some(path) => ok("qmp", path.display().to_string()),
                None => bad(
                    "qmp",
                    CheckStatus::Warning,
                    "XDG_RUNTIME_DIR is not set",
                    "export XDG_RUNTIME_DIR=/run/user/$(id -u)",
                ),
            };
        }
        match host::system_qmp_folder(host::qemu_account().as_ref()) {
            QmpFolder::Usable(path) => ok("qmp", path.display().to_string()),
            QmpFolder::Missing(path) => {
                bad("qmp", CheckStatus::Warning, format!("{} is missing", path.display()), installer())
            }
            QmpFolder::NotWritable(path) => bad(
                "qmp",
                CheckStatus::Warning,
                format!("QEMU's user cannot write {}", path.display()),
                installer(),
            ),
        }
    }
}

fn ok(id: &'static str, detail: impl Into<String>) -> Check {
    Check { id, status: CheckStatus::Ok, detail: detail.into(), fix: None }
}

fn bad(id: &'static str, status: CheckStatus, detail: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { id, status, detail: detail.into(), fix: Some(fix.into()) }
}

fn kvm() -> Check {
    match host::kvm() {
        Kvm::Usable => ok("kvm", "usable"),
        Kvm::Missing { reason } => {
            let detail = format!("{reason}; guests are emulated, ten times slower or more");
            let group = if host::is_root() { "" } else { "; then: sudo usermod -aG kvm \"$USER\"" };
            let fix = match reason {
                KvmFault::NotADevice => "sudo rm /dev/kvm".to_owned(),
                _ => format!(
                    "enable virtualization (VT-x, AMD-V) in the firmware, or nesting on the host{group}"
                ),
            };
            bad("kvm", CheckStatus::Warning, detail, fix)
        }
    }
}

fn groups(session: bool) -> Option<Check> {
    if host::is_root() || session {
        return None;
    }
    Some(match host::membership("libvirt") {
        Membership::Yes => ok("group", "this login is in the group libvirt"),
        Membership::AfterNewLogin => bad(
            "group",
            CheckStatus::Warning,
            "in the group libvirt, but not in this login",
            "newgrp libvirt",
        ),
        _ => bad(
            "group",
            CheckStatus::Warning,
            "not in the group libvirt",
            "sudo usermod -aG libvirt \"$USER\"",
        ),
    })
}

async fn socket_check() -> Check {
    let socket = host::probe_system().await;
    match socket {
        Socket::Reachable { path } => ok("socket", path.display().to_string()),
        Socket::Denied { path } => {
            let detail = format!("this user may not speak to {}", path.display());
            bad("socket", CheckStatus::Failure, detail, "sudo usermod -aG libvirt \"$USER\"")
        }
        Socket::Dead { .. } | Socket::Absent => {
            bad("socket", CheckStatus::Failure, "no system daemon of libvirt listens", installer())
        }
    }
}

fn memory() -> Option<Check> {
    let memory = host::memory().ok()?;
    let detail = format!("{} of {} MiB free", memory.available_mib, memory.total_mib);
    Some(if memory.available_mib < 1024 {
        bad("memory", CheckStatus::Warning, detail, "vmtools stop --all")
    } else {
        ok("memory", detail)
    })
}
