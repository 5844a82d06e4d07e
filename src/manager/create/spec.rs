use std::path::PathBuf;
use std::time::Duration;

use crate::manager::WaitFor;
use crate::model::{
    Acceleration, DiskSize, Firmware, GuestSetup, Hardware, InterfaceSpec, Label, MemorySize, MountSpec,
    OsVariant, PortPublish, VmName,
};
use crate::seed::PasswordHash;

/// A document of the user's own, and where it was read.
#[derive(Debug, Clone)]
pub struct UserDocument {
    /// The file, as the user named it; `-` is standard input.
    pub file: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Where a public key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file, which stays where it is: the private key may be beside it.
    File(PathBuf),
    /// A pipe, which gives its content only once.
    Read(UserDocument),
    /// None of the user's: only vmtools' own key may log in.
    OwnAlone,
}

/// A VM to be made: what flags, template, configuration and defaults came to.
#[derive(Debug, Clone)]
pub struct VmSpec {
    /// Its name.
    pub name: VmName,
    /// Whether a VM that has the name goes, once all is known that can be checked.
    pub replace: bool,
    /// The template that was used, for the record.
    pub template: Option<String>,
    /// The base image: a file, a URL, or a name of the catalogue.
    pub image: Option<String>,
    /// Whether to download an image that no checksum vouches for.
    pub takes_unvouched: bool,
    /// An ISO to boot from as long as the disk can't be.
    pub iso: Option<PathBuf>,
    /// The ISO of virtio's drivers for Windows, in a second drive.
    pub virtio_win: Option<PathBuf>,
    /// Its memory.
    pub memory: MemorySize,
    /// The most memory that it can be given while it runs; `None`: no more than that.
    pub max_memory: Option<MemorySize>,
    /// Its vCPUs.
    pub cpus: u32,
    /// The most of them that it can be given while it runs; `None`: no more than that.
    pub max_cpus: Option<u32>,
    /// The size of its disk.
    pub disk_size: DiskSize,
    /// The sizes of further disks, which are empty.
    pub extra_disks: Vec<DiskSize>,
    /// What boots it; `None` is what the image needs, else BIOS.
    pub firmware: Option<Firmware>,
    /// What kind of machine it is.
    pub hardware: Hardware,
    /// The system in it, for libosinfo's tools.
    pub os_variant: Option<OsVariant>,
    /// How its CPU is made.
    pub accel: Acceleration,
    /// Its network interfaces; none named is one on the connection's usual network.
    pub networks: Vec<InterfaceSpec>,
    /// Ports to forward to it.
    pub publish: Vec<PortPublish>,
    /// Directories of this host that its guest mounts; those of the host are absolute.
    pub mounts: Vec<MountSpec>,
    /// Public key files that may log in; none named is all in ~/.ssh, else one of vmtools' own.
    pub ssh_keys: Vec<KeySource>,
    /// The user to log in as; `None` is the image's.
    pub user: Option<String>,
    /// Whether cloud-init tells its image who it is and who may log in.
    pub cloud_init: bool,
    /// What its cloud-init does besides.
    pub setup: GuestSetup,
    /// cloud-init user-data of the user's own.
    pub user_data: Option<UserDocument>,
    /// An Ignition configuration, for images that are set up by it instead of cloud-init.
    pub ignition: Option<UserDocument>,
    /// The user's password; `None` locks it.
    pub password: Option<PasswordHash>,
    /// Its host name; `None` is its name.
    pub hostname: Option<String>,
    /// Its labels.
    pub labels: Vec<Label>,
    /// How long before `gc` may remove it.
    pub ttl: Option<Duration>,
    /// Whether to start it.
    pub start: bool,
    /// Whether to start it from a warm state, where there is one that fits.
    pub warm: bool,
    /// What to wait for after the start.
    pub wait: Option<WaitFor>,
}

impl VmSpec {
    /// The ISO files for its drives, the one to boot from first.
    pub(in crate::manager) fn cdroms(&self) -> impl Iterator<Item = &PathBuf> {
        self.iso.iter().chain(&self.virtio_win)
    }
}
