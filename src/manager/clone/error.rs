use std::time::Duration;

use crate::libvirt;

/// Why a VM was not cloned.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The VM was started, or its disks were written to, while they were copied.
    #[error("the VM {name} was started or changed while it was being copied")]
    SourceChanged {
        /// The VM.
        name: String,
    },
    /// The disks of a running VM could not be copied.
    #[error("the disks of the running VM {name} could not be copied")]
    CopyFailed {
        /// The VM.
        name: String,
        /// Why.
        #[source]
        reason: LiveCopyFault,
    },
    /// Its clone would share what only one VM can have.
    #[error("the VM {name} cannot be cloned")]
    NotClonable {
        /// The VM.
        name: String,
        /// What they would share.
        #[source]
        cause: libvirt::NotCopyable,
    },
}

/// What ended the copying of a running VM's disks.
#[derive(Debug, thiserror::Error)]
pub enum LiveCopyFault {
    /// The VM shut down.
    #[error("the VM shut down during the copy")]
    ShutDown,
    /// Nothing more was copied for too long.
    #[error("nothing was copied for {}s", .0.as_secs())]
    Stalled(Duration),
    /// QEMU ended it.
    #[error("{message}")]
    Failed {
        /// libvirt's words.
        message: String,
    },
}
