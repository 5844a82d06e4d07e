use std::path::PathBuf;
use std::time::Duration;

use super::element::{
    Accel, Boot, Color, Cpus, Disk, Element, ImageMirrors, Memory, Network, SshKeys, StopTimeout,
    StoragePath, StoragePool, TemplateName, UiColor, Uri, User, WaitTimeout,
};
use crate::model::{Acceleration, DiskSize, Firmware, MemorySize, Mirror, NetworkSpec, UriChoice};

/// config.toml, with the defaults where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[libvirt]`
    pub libvirt: Libvirt,
    /// `[defaults]`
    pub defaults: Defaults,
    /// `[storage]`
    pub storage: Storage,
    /// `[image]`
    pub image: Image,
    /// `[wait]`
    pub wait: Wait,
    /// `[ui]`
    pub ui: Ui,
}

/// `[libvirt]`: which one to speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libvirt {
    /// The connection.
    pub uri: UriChoice,
}

/// `[defaults]`: what a new VM gets if neither a flag nor its template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The template of a `create` that names none.
    pub template: Option<String>,
    /// Memory: 2 GiB.
    pub memory: MemorySize,
    /// vCPUs: 2.
    pub cpus: u32,
    /// The size of the disk: 20 GiB.
    pub disk_size: DiskSize,
    /// Firmware: BIOS.
    pub firmware: Firmware,
    /// Acceleration: auto.
    pub accel: Acceleration,
    /// What the VM is plugged into; `None`: what suits the connection.
    pub network: Option<NetworkSpec>,
    /// The guest's user; `None`: the one that its image is made for.
    pub user: Option<String>,
    /// Files of public keys, absolute; none: the user's own keys.
    pub ssh_keys: Vec<PathBuf>,
}

/// `[storage]`: where disks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The storage pool's name: "vmtools".
    pub pool: String,
    /// The directory of that pool if it has to be made; `None`: one that QEMU can reach.
    pub path: Option<PathBuf>,
}

/// `[image]`: where images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Servers that are tried before those that a URL names; none.
    pub mirrors: Vec<Mirror>,
}

/// `[wait]`: how long to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For a VM that starts: 5 minutes.
    pub timeout: Duration,
    /// For a VM that is to shut down: 90 seconds.
    pub stop_timeout: Duration,
}

/// `[ui]`: how things look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// When there is colour.
    pub color: Color,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            libvirt: Libvirt { uri: Uri::default() },
            defaults: Defaults {
                template: TemplateName::default(),
                memory: Memory::default(),
                cpus: Cpus::default(),
                disk_size: Disk::default(),
                firmware: Boot::default(),
                accel: Accel::default(),
                network: Network::default(),
                user: User::default(),
                ssh_keys: SshKeys::default(),
            },
            storage: Storage { pool: StoragePool::default(), path: StoragePath::default() },
            image: Image { mirrors: ImageMirrors::default() },
            wait: Wait { timeout: WaitTimeout::default(), stop_timeout: StopTimeout::default() },
            ui: Ui { color: UiColor::default() },
        }
    }
}
