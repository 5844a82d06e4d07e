use clap::ValueEnum;

use super::{expiry, or_dash, yes_no};
use crate::manager::{VmDetails, VmSummary};
use crate::model::MemorySize;

/// A column of `list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Column {
    /// Name of the VM
    Name,
    /// State
    State,
    /// Number of vCPUs
    Cpus,
    /// Memory size
    Memory,
    /// IP addresses
    Ip,
    /// Image it was created from
    Image,
    /// Template it was created from
    Template,
    /// Labels
    Labels,
    /// Time of creation
    Created,
    /// Whether autostart is enabled
    Autostart,
    /// Time at which `gc` can delete it
    Ttl,
    /// Whether it is protected from deletion
    Protected,
    /// UUID
    Uuid,
    /// Disk files
    Disks,
}

impl Column {
    /// Whether it is read from definitions, at a call for each VM.
    pub fn needs_details(self) -> bool {
        !matches!(self, Self::Name | Self::State | Self::Cpus | Self::Memory | Self::Ip)
    }

    /// What stands above it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::State => "STATE",
            Self::Cpus => "CPUS",
            Self::Memory => "MEMORY",
            Self::Ip => "IP",
            Self::Image => "IMAGE",
            Self::Template => "TEMPLATE",
            Self::Labels => "LABELS",
            Self::Created => "CREATED",
            Self::Autostart => "AUTOSTART",
            Self::Ttl => "TTL",
            Self::Protected => "PROTECTED",
            Self::Uuid => "UUID",
            Self::Disks => "DISKS",
        }
    }

    /// A VM's cell.
    pub fn cell(self, vm: &VmSummary) -> String {
        let details = |of: &dyn Fn(&VmDetails) -> Option<String>| or_dash(vm.details.as_ref().and_then(of));
        let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(","));
        match self {
            Self::Name => vm.name.clone(),
            Self::State => vm.state.to_string(),
            Self::Cpus => vm.cpus.to_string(),
            Self::Memory => MemorySize::from_mib(vm.memory_mib).to_string(),
            Self::Ip => or_dash(joined(vm.ips.iter().map(ToString::to_string).collect())),
            Self::Image => details(&|details| details.image.clone()),
            Self::Template => details(&|details| details.template.clone()),
            Self::Labels => {
                details(&|details| joined(details.labels.iter().map(|(k, v)| format!("{k}={v}")).collect()))
            }
            Self::Created => details(&|details| details.created.map(|time| time.to_string())),
            Self::Autostart => details(&|details| Some(yes_no(details.autostart).to_owned())),
            Self::Ttl => details(&|details| details.ttl_expires.map(expiry)),
            Self::Protected => details(&|details| Some(yes_no(details.protected).to_owned())),
            Self::Uuid => details(&|details| Some(details.uuid.to_string())),
            Self::Disks => details(&|details| joined(details.disks.clone())),
        }
    }
}
