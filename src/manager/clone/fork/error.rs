use crate::libvirt;

/// Why a VM was not forked.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// A VM like that can't be.
    #[error("the running VM {name} cannot be forked")]
    NotPossible {
        /// The VM.
        name: String,
        /// Why not.
        #[source]
        reason: ForkObstacle,
    },
    /// The guest can't be prepared for it, or does not go back to what it was.
    #[error("the guest of {name} cannot be prepared for a fork: {said}")]
    NotPrepared {
        /// The VM.
        name: String,
        /// What the script in the guest said.
        said: String,
    },
    /// The state that libvirt wrote can't be made the new VM's.
    #[error("the saved memory of {name} cannot be used")]
    State {
        /// The VM.
        name: String,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The guest of the fork did not become another.
    #[error("the fork of {name} did not take its new identity: {said}")]
    Identity {
        /// The VM.
        name: String,
        /// What the helper said.
        said: String,
    },
    /// The guest of the fork does not release the interface that it came with.
    #[error("the fork of {name} does not release its network interface")]
    InterfaceStays {
        /// The VM.
        name: String,
    },
}

/// What stands in the way of a fork.
#[derive(Debug, thiserror::Error)]
pub enum ForkObstacle {
    /// It is on another host.
    #[error("it is on another host")]
    RemoteHost,
    /// Its files would lie in a storage pool that is no directory.
    #[error("the storage pool is not a directory")]
    StoragePool,
    /// This user may not keep its memory beside its disks.
    #[error("this user cannot write to the directory of the storage pool")]
    NotPermitted,
    /// It shares host directories, which can't be saved.
    #[error("it mounts host directories")]
    Mounts,
    /// It has a TPM, whose content is its guest's alone.
    #[error("it has a TPM")]
    Tpm,
    /// A disk is no file.
    #[error("its disk {target} is not a file")]
    Disk {
        /// The disk.
        target: String,
    },
    /// What runs is not what its next start makes: after a change that waits for that.
    #[error("its configuration has changed since it started")]
    Changed {
        /// What has.
        #[source]
        cause: libvirt::StateMismatch,
    },
    /// Its interfaces or files are others by now.
    #[error("its configuration has changed since it started")]
    ChangedOtherwise,
    /// The agent in its guest is not connected, and nobody can log in to it by ssh.
    #[error("its guest agent is not connected, and vmtools cannot log in to it over ssh")]
    NoAccess,
    /// There is no Python in the guest, or no way to run it as root.
    #[error("its guest has no python3, or its user cannot use sudo without a password")]
    NoPython,
}
