use std::fmt;
use std::path::PathBuf;

use crate::host::Program;
use crate::manager::Dependent;
use crate::model::DiskSize;

/// Why files of VMs were not made, copied or removed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is not enough space.
    #[error("{needed} is needed, but only {available} is free in {place}")]
    NoSpace {
        /// Where.
        place: Place,
        /// What is free.
        available: DiskSize,
        /// What is needed at least.
        needed: DiskSize,
    },
    /// There is no such storage pool.
    #[error("there is no storage pool {name:?}")]
    NoPool {
        /// The pool.
        name: String,
    },
    /// A VM's disk lies where libvirt has no storage pool.
    #[error("the disk {path} of the VM {name} is in no active storage pool")]
    NotInPool {
        /// The VM.
        name: String,
        /// Its disk.
        path: String,
    },
    /// A base image stays neither whole nor gone.
    #[error(
        "the base image {volume} in the storage pool {pool} is incomplete, and other processes keep changing it"
    )]
    BaseBroken {
        /// The pool.
        pool: String,
        /// The volume.
        volume: String,
    },
    /// Another VM or file needs what was to be removed or changed.
    #[error("{path} is needed by {}", join(.needed_by))]
    InUse {
        /// The file, or the VM.
        path: String,
        /// The VMs and files that need it.
        needed_by: Vec<Dependent>,
    },
    /// A QEMU that this libvirt does not know has a file open that was to be removed: one of another libvirt, or one
    /// that was started by hand.
    #[error("{path} is in use by another program{}", ProgramList(.programs))]
    Open {
        /// The file.
        path: String,
        /// Those that are known to have it open; another user's can't be seen.
        programs: Vec<Program>,
    },
    /// A raw disk's first bytes are another format's header, which may be of the guest's making.
    #[error("the disk {disk} of the VM {name} is raw, but its content looks like another format")]
    Forged {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
    },
    /// Not everything of it could be removed.
    #[error("{name} could not be removed")]
    NotRemoved {
        /// The VM, image or volume.
        name: String,
    },
}

/// The programs behind a colon, if there are any.
struct ProgramList<'a>(&'a [Program]);

impl fmt::Display for ProgramList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Program { name, pid }) in self.0.iter().enumerate() {
            write!(f, "{} {name} (pid {pid})", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

/// Where files are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A storage pool of libvirt's.
    Pool(String),
    /// A directory of this host, of vmtools' own.
    Folder(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(name) => write!(f, "the storage pool {name}"),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

pub(in crate::manager) fn join(needers: &[Dependent]) -> String {
    needers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
