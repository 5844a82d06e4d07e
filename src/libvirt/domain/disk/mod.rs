//! The disks and drives of a domain, as its definition describes them (libvirt's formatdomain, "Hard
//! drives, floppy disks, CDROMs").

mod boot;
mod name;
mod read;
mod role;
mod target;

pub(super) use read::{read, source_in};
pub use role::DiskRole;
pub use target::{FreeTarget, free_target};

use std::fmt;

use super::address::DeviceAddress;

/// A disk or drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The name libvirt knows it by, such as `vda`. Empty in a document that gives none; libvirt itself
    /// takes no such document.
    pub target: String,
    /// What the guest sees it as.
    pub device: DiskDevice,
    /// The bus it is attached to.
    pub bus: Bus,
    /// Where its data is.
    pub source: DiskSource,
    /// The file or block device; `None` for an empty drive and for every other kind of source.
    pub path: Option<String>,
    /// The image's format, such as `qcow2`.
    pub format: Option<String>,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// Whether other VMs may write to it at the same time.
    pub shareable: bool,
    /// Its position in the boot order, 1 being the first, where the definition orders single devices.
    pub boot_order: Option<u32>,
    /// Where it is attached on its bus; in a stored definition libvirt has always filled it in.
    pub address: Option<DeviceAddress>,
    /// How its data is encrypted.
    pub encryption: Option<Encryption>,
    /// The file or device with the guest's data where the image itself holds only qcow2's tables
    /// (`<dataStore>`, since libvirt 10.10).
    pub data_store: Option<DiskSource>,
    /// Whether it is only a part of its source (`<slices>`).
    pub is_slice: bool,
    /// Whether the definition itself says what is below it; otherwise libvirt reads that from the images.
    pub declares_backing: bool,
    /// The sources below it, nearest first, as far as the definition names them: libvirt adds them while
    /// the domain runs.
    pub chain: Vec<DiskSource>,
    /// The paths of those of `chain` that have one.
    pub backing: Vec<String>,
    /// The copy that a block job of the running domain is writing (`<mirror>`).
    pub mirror: Option<DiskSource>,
    /// libvirt's alias of the device while the domain runs, such as `virtio-disk0`.
    pub alias: Option<String>,
}

/// What the guest sees a disk as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskDevice {
    /// A hard disk.
    Disk,
    /// A CD-ROM drive.
    Cdrom,
    /// A floppy drive.
    Floppy,
    /// A LUN of the host, to which the guest's SCSI commands are passed on.
    Lun,
}

/// The bus a disk is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bus {
    /// virtio-blk.
    Virtio,
    /// SATA (AHCI).
    Sata,
    /// SCSI, virtio-scsi's included.
    Scsi,
    /// IDE.
    Ide,
    /// USB storage.
    Usb,
    /// The floppy controller.
    Fdc,
    /// One that vmtools has no word for, by libvirt's name for it.
    Other(String),
}

/// Where a disk's data is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DiskSource {
    /// Nowhere: an empty drive.
    Empty,
    /// In a file.
    File {
        /// The file.
        path: String,
    },
    /// On a block device of the host.
    Block {
        /// The device node.
        path: String,
    },
    /// In a volume that libvirt looks up when the domain starts.
    Volume {
        /// The storage pool's name.
        pool: String,
        /// The volume's name in it.
        volume: String,
    },
    /// On another host.
    Network {
        /// Such as `rbd`, `iscsi`, `nbd`, `https`.
        protocol: String,
        /// What that protocol calls the image.
        name: Option<String>,
        /// The first of the hosts that serve it.
        host: Option<String>,
    },
    /// In a FAT file system that QEMU makes of a directory.
    Directory {
        /// The directory.
        path: String,
    },
    /// On an NVMe controller that QEMU drives itself.
    Nvme {
        /// The controller's PCI address on the host, such as `0000:01:00.0`.
        address: String,
        /// The namespace on it.
        namespace: String,
    },
    /// Behind a vhost-user socket.
    VhostUser {
        /// The socket of the process that serves it.
        path: String,
    },
    /// On a vDPA device.
    VhostVdpa {
        /// The device node.
        path: String,
    },
    /// In something that this version has no word for.
    Other {
        /// libvirt's name for the kind.
        kind: String,
    },
}

/// How a disk's data is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// Such as `luks`.
    pub format: String,
    /// The UUID of libvirt's secret with the passphrase.
    pub secret: Option<String>,
}

impl Disk {
    /// Whether the VM alone writes to the file.
    pub fn writes_to(&self, path: &str) -> bool {
        self.path.as_deref() == Some(path) && self.is_own()
    }

    /// Whether its data is this VM's alone: the guest can write it, and nobody else is meant to.
    pub fn is_own(&self) -> bool {
        self.device != DiskDevice::Cdrom
            && !self.read_only
            && !self.shareable
            && self.source != DiskSource::Empty
    }

    /// Whether it is a volume of a pool, and where that one's file is has not been asked.
    pub(in crate::libvirt) fn is_unlocated(&self) -> bool {
        self.path.is_none() && matches!(self.source, DiskSource::Volume { .. })
    }

    /// Whether libvirt can unplug it from a machine that runs (`qemuDomainDetachPrepDisk`): not from a SATA or IDE
    /// controller, and no floppy drive.
    pub fn is_hot_unpluggable(&self) -> bool {
        match self.device {
            DiskDevice::Disk | DiskDevice::Lun => matches!(self.bus, Bus::Virtio | Bus::Scsi | Bus::Usb),
            DiskDevice::Cdrom => matches!(self.bus, Bus::Scsi | Bus::Usb),
            DiskDevice::Floppy => false,
        }
    }

    /// Whether it is a hard disk for the guest, not a drive for removable media.
    pub fn is_hard_disk(&self) -> bool {
        matches!(self.device, DiskDevice::Disk | DiskDevice::Lun)
    }
}

impl DiskSource {
    /// The file or device of this host that holds the data, where there is exactly one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File { path } | Self::Block { path } => Some(path),
            _ => None,
        }
    }
}

impl DiskDevice {
    /// libvirt's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Cdrom => "cdrom",
            Self::Floppy => "floppy",
            Self::Lun => "lun",
        }
    }
}

impl PartialEq<&str> for DiskDevice {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Bus {
    /// libvirt's name for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Virtio => "virtio",
            Self::Sata => "sata",
            Self::Scsi => "scsi",
            Self::Ide => "ide",
            Self::Usb => "usb",
            Self::Fdc => "fdc",
            Self::Other(name) => name,
        }
    }
}

impl From<crate::model::DiskBus> for Bus {
    fn from(bus: crate::model::DiskBus) -> Self {
        match bus {
            crate::model::DiskBus::Virtio => Self::Virtio,
            crate::model::DiskBus::Sata => Self::Sata,
        }
    }
}

/// The source as messages name it.
impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("-"),
            Self::File { path }
            | Self::Block { path }
            | Self::Directory { path }
            | Self::VhostUser { path }
            | Self::VhostVdpa { path } => f.write_str(path),
            Self::Volume { pool, volume } => write!(f, "{pool}/{volume}"),
            Self::Network { protocol, name, host } => {
                let what = name.as_deref().or(host.as_deref());
                write!(f, "{protocol}:{}", what.unwrap_or_default())
            }
            Self::Nvme { address, namespace } => write!(f, "nvme://{address}/{namespace}"),
            Self::Other { kind } => f.write_str(kind),
        }
    }
}
