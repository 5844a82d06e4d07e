use std::path::PathBuf;

use crate::host::{KvmFault, Membership, QmpFolder, Socket};
use crate::libvirt::Version;
use crate::manager::PasstFault;
use crate::model::{ConnectionUri, DiskSize};

/// What a check found.
#[derive(Debug, Clone)]
pub enum Finding {
    /// A program, and where it is if it is installed.
    Tool {
        /// Its name.
        program: &'static str,
        /// Its file.
        path: Option<PathBuf>,
    },
    /// A libvirt that answers.
    Libvirt {
        /// The connection.
        uri: ConnectionUri,
        /// The daemon's version.
        daemon: Version,
        /// virsh's.
        client: Version,
        /// QEMU's, if there is one.
        qemu: Option<Version>,
        /// The oldest that would do, where the daemon's is older.
        needed: Option<Version>,
    },
    /// No libvirt that answers.
    NoLibvirt {
        /// The connection.
        uri: ConnectionUri,
        /// Whether it would be on this host.
        is_here: bool,
        /// Whether a daemon is there, and hangs.
        hangs: bool,
        /// The error's words.
        error: String,
    },
    /// Whether KVM can be used.
    Kvm {
        /// Why not.
        fault: Option<KvmFault>,
        /// Whether this user is root.
        is_root: bool,
    },
    /// Whether this user is in the group libvirt.
    Group(Membership),
    /// The socket of the system's daemon, where no connection could be made.
    Socket(Socket),
    /// What machines can have, and what they can't.
    Machine {
        /// What is installed.
        present: Vec<MachinePart>,
        /// What is not.
        missing: Vec<MachinePart>,
    },
    /// The network that VMs get by default.
    Network {
        /// Its name.
        name: String,
        /// Whether it is active.
        active: bool,
        /// How long a guest waits there for its first address, in seconds, beyond what it takes anyway.
        delay_seconds: u64,
        /// The connection.
        uri: ConnectionUri,
    },
    /// VMs get something else than a network of libvirt's by default.
    OtherNetwork {
        /// As `--network` takes it.
        spec: String,
    },
    /// The storage pool, and the space in it.
    Pool {
        /// Its name.
        name: String,
        /// Its directory.
        path: String,
        /// The space.
        free: DiskSize,
        /// What keeps QEMU's user from its files: the command that opens the way.
        blocked: Option<String>,
    },
    /// The first create makes the storage pool.
    NoPoolYet {
        /// Its name.
        name: String,
    },
    /// The storage pool can't be used.
    PoolFault {
        /// Its name.
        name: String,
        /// The connection.
        uri: ConnectionUri,
        /// The error's words.
        error: String,
    },
    /// Whether user-mode networking is by passt.
    Passt {
        /// Why not.
        fault: Option<PasstFault>,
    },
    /// virtiofsd, if it is installed.
    Virtiofs {
        /// Its file.
        path: Option<PathBuf>,
    },
    /// The directory of the VMs' QMP sockets.
    Qmp(QmpFolder),
    /// A session has no directory for sockets.
    NoRuntimeFolder,
    /// The host's memory.
    Memory {
        /// What is free.
        available_mib: u64,
        /// What there is.
        total_mib: u64,
    },
    /// libvirt could not tell.
    Unknown {
        /// The error's words.
        error: String,
    },
}

/// A part of a machine that needs something installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachinePart {
    /// UEFI firmware.
    Efi,
    /// UEFI firmware with Secure Boot.
    SecureBoot,
    /// An emulated TPM.
    Tpm,
}
