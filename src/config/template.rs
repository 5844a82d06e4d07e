use std::collections::BTreeMap;
use std::path::PathBuf;

use super::template_key::KEYS;
use super::value::Value;
use crate::model::{
    Acceleration, ClockOffset, Condition, CpuModel, DiskBus, DiskSize, Firmware, GuestFile, GuestSetup,
    Hardware, MachineType, MemorySize, NetworkSpec, NicModel, OsVariant, VideoModel,
};

/// Values for `create`. What is `None` is left to the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// Its name: what it was asked for by.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is, in a line.
    pub description: Option<String>,
    /// The template that it builds on.
    pub extends: Option<String>,
    /// The image: a name of the catalogue or of an image that was imported, or a URL or file.
    pub image: Option<String>,
    /// An ISO file to install from, absolute.
    pub iso: Option<PathBuf>,
    /// The ISO file of virtio's drivers for Windows, absolute.
    pub virtio_win: Option<PathBuf>,
    /// The system, for libosinfo's tools.
    pub os_variant: Option<OsVariant>,
    /// Memory.
    pub memory: Option<MemorySize>,
    /// The most memory that a VM can be given while it runs.
    pub max_memory: Option<MemorySize>,
    /// vCPUs.
    pub cpus: Option<u32>,
    /// The most of them that a VM can be given while it runs.
    pub max_cpus: Option<u32>,
    /// The size of the disk.
    pub disk_size: Option<DiskSize>,
    /// The sizes of further disks.
    pub disks: Option<Vec<DiskSize>>,
    /// Firmware.
    pub firmware: Option<Firmware>,
    /// Acceleration.
    pub accel: Option<Acceleration>,
    /// QEMU's machine.
    pub machine: Option<MachineType>,
    /// The CPU.
    pub cpu_model: Option<CpuModel>,
    /// What the disks hang on.
    pub disk_bus: Option<DiskBus>,
    /// The network interfaces' model.
    pub nic_model: Option<NicModel>,
    /// The graphics card.
    pub video: Option<VideoModel>,
    /// What the clock shows at the start.
    pub clock: Option<ClockOffset>,
    /// Whether the Hyper-V enlightenments for Windows are enabled.
    pub hyperv: Option<bool>,
    /// Whether there is a TPM.
    pub tpm: Option<bool>,
    /// What the VM's interfaces are plugged into.
    pub networks: Option<Vec<NetworkSpec>>,
    /// The guest's user.
    pub user: Option<String>,
    /// Whether the guest is configured by cloud-init; the default is yes.
    pub cloud_init: Option<bool>,
    /// Packages to install.
    pub packages: Option<Vec<String>>,
    /// Files to write.
    pub write_files: Option<Vec<GuestFile>>,
    /// Commands to run at the first boot.
    pub runcmd: Option<Vec<String>>,
    /// A file of cloud-init user-data, absolute.
    pub user_data: Option<PathBuf>,
    /// Labels; those of the extended template stay unless they are overridden.
    pub labels: BTreeMap<String, String>,
    /// What `--wait` waits for.
    pub wait: Option<Condition>,
    /// Whether VMs are started from a warm state.
    pub warm: Option<bool>,
}

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// It is part of vmtools.
    #[default]
    BuiltIn,
    /// It is the user's own, in this file.
    File(PathBuf),
}

impl Template {
    /// All keys that have a value, in the order of the documentation.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let all = KEYS.iter().map(|key| (key.name, (key.show)(self)));
        all.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// What kind of machine it describes.
    pub fn hardware(&self) -> Hardware {
        Hardware {
            machine: self.machine.clone(),
            cpu_model: self.cpu_model.clone(),
            disk_bus: self.disk_bus.unwrap_or_default(),
            nic_model: self.nic_model.unwrap_or_default(),
            video: self.video.unwrap_or_default(),
            clock: self.clock.unwrap_or_default(),
            hyperv: self.hyperv.unwrap_or_default(),
            tpm: self.tpm.unwrap_or_default(),
            tablet: false,
        }
    }

    /// What it has the guest's cloud-init do.
    pub fn setup(&self) -> GuestSetup {
        GuestSetup {
            packages: self.packages.clone().unwrap_or_default(),
            write_files: self.write_files.clone().unwrap_or_default(),
            runcmd: self.runcmd.clone().unwrap_or_default(),
        }
    }

    /// This template's values, and where it has none, those of `parent`.
    pub(super) fn over(mut self, parent: &Self) -> Self {
        for key in KEYS {
            (key.inherit)(&mut self, parent);
        }
        self
    }
}
