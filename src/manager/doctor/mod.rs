//! Whether this host and its libvirt have what a create needs.

mod finding;

use std::path::PathBuf;

pub use finding::{Finding, MachinePart};

use super::create::network::passt_fault;
use crate::host::{self, Kvm, Membership, QmpFolder, Socket, Tool};
use crate::libvirt::{self, Version, Versions};
use crate::manager::operation::noun;
use crate::manager::storage::Storage;
use crate::model::{DiskSize, NetworkSpec};

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
#[derive(Debug, Clone)]
pub struct Check {
    /// A name that doesn't change.
    pub id: &'static str,
    /// How it came out.
    pub status: CheckStatus,
    /// What was found.
    pub finding: Finding,
}

/// With less space than that, in bytes, the first image hardly fits.
const ROOM: u64 = 5 << 30;
/// With less free memory than that the next VM hardly starts.
const LOW_MEMORY_MIB: u64 = 1024;
/// Debian 12's libvirt: what older ones lack is not known.
const OLDEST: Version = Version(9, 0, 0);

noun! {
    /// Whatever a create needs, checked.
    Doctor
}

impl Doctor<'_> {
    /// Checks whatever a create needs, as far as one check lets the next be made.
    pub(in crate::manager) async fn doctor(&self) -> Vec<Check> {
        let mut checks = self.tools();
        checks.push(kvm());
        checks.extend(groups(self.op.locality().is_session()));
        let libvirt = self.connection(&mut checks).await;
        if libvirt.is_some() {
            checks.push(self.machine_check().await);
            checks.push(self.network_check().await);
            checks.push(self.pool_check().await);
        } else {
            checks.push(socket_check().await);
        }
        checks.push(passt(libvirt));
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
            .map(|(id, tool, missing)| {
                let path = host::tool(tool);
                let status = if path.is_some() { CheckStatus::Ok } else { missing };
                Check { id, status, finding: Finding::Tool { program: tool.program(), path } }
            })
            .collect()
    }

    /// The version of the libvirt that answers, if one does.
    async fn connection(&self, checks: &mut Vec<Check>) -> Option<Version> {
        let uri = self.op.uri().clone();
        match self.op.client().versions().await {
            Ok(Versions { daemon, client, qemu }) => {
                let needed = (daemon < OLDEST).then_some(OLDEST);
                let finding = Finding::Libvirt { uri, daemon, client, qemu, needed };
                checks.push(failure_if("libvirt", needed.is_some(), finding));
                Some(daemon)
            }
            Err(error) => {
                let hangs = matches!(error, libvirt::Error::TimedOut { .. });
                let is_here = self.op.locality().is_here();
                let finding = Finding::NoLibvirt { uri, is_here, hangs, error: error.to_string() };
                checks.push(failure_if("libvirt", true, finding));
                None
            }
        }
    }

    async fn machine_check(&self) -> Check {
        let found = match self.op.client().domain_capabilities().await {
            Ok(found) => found,
            Err(error) => return unknown("machine", &error),
        };
        let parts = [
            (found.efi, MachinePart::Efi),
            (found.secure_boot, MachinePart::SecureBoot),
            (found.tpm, MachinePart::Tpm),
        ];
        let those = |there: bool| parts.iter().filter(|part| part.0 == there).map(|part| part.1).collect();
        let missing: Vec<_> = those(false);
        warning_if("machine", !missing.is_empty(), Finding::Machine { present: those(true), missing })
    }

    async fn network_check(&self) -> Check {
        let name = match (&self.op.config().defaults.network, self.op.locality().is_session()) {
            (Some(NetworkSpec::Network { name, .. }), _) => name.clone(),
            (None, false) => "default".to_owned(),
            (Some(other), _) => {
                return warning_if("network", false, Finding::OtherNetwork { spec: other.to_string() });
            }
            (None, true) => {
                let spec = NetworkSpec::User.to_string();
                return warning_if("network", false, Finding::OtherNetwork { spec });
            }
        };
        match self.op.client().networks().find(&name).await {
            Ok(network) => {
                let (active, uri) = (network.active, self.op.uri().clone());
                let delay_seconds = network.lease_delay.seconds();
                let finding = Finding::Network { name, active, delay_seconds, uri };
                warning_if("network", !active || delay_seconds > 0, finding)
            }
            Err(error) => unknown("network", &error),
        }
    }

    async fn pool_check(&self) -> Check {
        let name = self.op.config().storage.pool.clone();
        match Storage::of(self.op).running_pool(&name).await {
            Ok(Some(pool)) => {
                let free = Storage::of(self.op).room_in(&pool);
                let blocked = self.pool_blocker(&pool.path).map(|blocker| blocker.fix);
                let status = match (&blocked, free < ROOM) {
                    (Some(_), _) => CheckStatus::Failure,
                    (None, true) => CheckStatus::Warning,
                    (None, false) => CheckStatus::Ok,
                };
                let free = DiskSize::from_bytes(free);
                Check {
                    id: "storage",
                    status,
                    finding: Finding::Pool { name, path: pool.path, free, blocked },
                }
            }
            Ok(None) => failure_if("storage", false, Finding::NoPoolYet { name }),
            Err(error) => {
                let (uri, error) = (self.op.uri().clone(), error.to_string());
                failure_if("storage", true, Finding::PoolFault { name, uri, error })
            }
        }
    }

    fn pool_blocker(&self, folder: &str) -> Option<host::Blocker> {
        if !self.op.locality().is_here() || self.op.locality().is_session() {
            return None;
        }
        host::blocker(&host::qemu_account()?, &PathBuf::from(folder).join("any"), None).ok().flatten()
    }

    fn mount_check(&self) -> Option<Check> {
        let path = host::tool(Tool::Virtiofsd);
        self.op.locality().is_here().then(|| warning_if("virtiofs", false, Finding::Virtiofs { path }))
    }

    fn qmp_check(&self) -> Check {
        let folder = if self.op.locality().is_session() {
            match host::session_qmp_folder() {
                Some(path) => QmpFolder::Usable(path),
                None => return warning_if("qmp", true, Finding::NoRuntimeFolder),
            }
        } else {
            host::system_qmp_folder(host::qemu_account().as_ref())
        };
        warning_if("qmp", !matches!(folder, QmpFolder::Usable(_)), Finding::Qmp(folder))
    }
}

fn warning_if(id: &'static str, is_bad: bool, finding: Finding) -> Check {
    Check { id, status: if is_bad { CheckStatus::Warning } else { CheckStatus::Ok }, finding }
}

fn failure_if(id: &'static str, is_bad: bool, finding: Finding) -> Check {
    Check { id, status: if is_bad { CheckStatus::Failure } else { CheckStatus::Ok }, finding }
}

fn unknown(id: &'static str, error: &libvirt::Error) -> Check {
    failure_if(id, true, Finding::Unknown { error: error.to_string() })
}

fn kvm() -> Check {
    let fault = match host::kvm() {
        Kvm::Usable => None,
        Kvm::Missing { reason } => Some(reason),
    };
    warning_if("kvm", fault.is_some(), Finding::Kvm { fault, is_root: host::is_root() })
}

fn passt(libvirt: Option<Version>) -> Check {
    let fault = passt_fault(libvirt);
    warning_if("passt", fault.is_some(), Finding::Passt { fault })
}

fn groups(session: bool) -> Option<Check> {
    if host::is_root() || session {
        return None;
    }
    let membership = host::membership("libvirt");
    Some(warning_if("group", membership != Membership::Yes, Finding::Group(membership)))
}

async fn socket_check() -> Check {
    let socket = host::probe_system().await;
    failure_if("socket", !matches!(socket, Socket::Reachable { .. }), Finding::Socket(socket))
}

fn memory() -> Option<Check> {
    let memory = host::memory().ok()?;
    let (available_mib, total_mib) = (memory.available_mib, memory.total_mib);
    Some(warning_if("memory", available_mib < LOW_MEMORY_MIB, Finding::Memory { available_mib, total_mib }))
}
