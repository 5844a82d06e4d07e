use std::path::PathBuf;

use crate::host::{self, KvmFault};
use crate::model::{MemorySize, counted};

/// What the host lacks for a VM, or does not let QEMU use.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// The VM would need more memory than the host has.
    #[error("{wanted} of memory is more than this host has ({total})")]
    TooMuchMemory {
        /// What was asked for.
        wanted: MemorySize,
        /// What the host has.
        total: MemorySize,
    },
    /// The VM would need more vCPUs than make sense.
    #[error("{wanted} vCPUs are too many for this host, which has {}", counted((*.host).into(), "CPU"))]
    TooManyCpus {
        /// What was asked for.
        wanted: u32,
        /// The CPUs of the host.
        host: u32,
    },
    /// KVM was asked for and can't be used.
    #[error("KVM cannot be used")]
    NoKvm {
        /// Why.
        #[source]
        reason: KvmFault,
    },
    /// A directory that isn't there.
    #[error("there is no directory {}", .path.display())]
    FolderMissing {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory of this host was named for a VM on another.
    #[error("{} is on this host, and the VM is at {uri}", .path.display())]
    NotHere {
        /// The file.
        path: PathBuf,
        /// The connection.
        uri: String,
    },
    /// A path of this host that a definition, which is Unicode text, can't hold.
    #[error("the path {} is not valid UTF-8, so it cannot be passed to libvirt", .path.display())]
    NotUtf8 {
        /// The file or directory.
        path: PathBuf,
    },
    /// QEMU's user can't get at a file.
    #[error("QEMU cannot access {}: it has no permission for {}", .path.display(), .blocker.path.display())]
    PathBlocked {
        /// The file that it needs.
        path: PathBuf,
        /// What stands in the way.
        blocker: host::Blocker,
    },
}
