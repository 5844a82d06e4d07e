use std::time::Duration;

use crate::libvirt;
use crate::model::VmState;

/// Why something was not done to a VM, for what it is or for the state that it is in.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The name that a VM was to get is taken.
    #[error("the VM {name} already exists")]
    Exists {
        /// The name.
        name: String,
    },
    /// The VM has to run for it.
    #[error("the VM {name} is not running")]
    NotRunning {
        /// The VM.
        name: String,
    },
    /// The VM has to be shut off for it.
    #[error("the VM {name} is {}", .state.in_words())]
    NotOff {
        /// The VM.
        name: String,
        /// What it is instead.
        state: VmState,
    },
    /// It is paused, and stays so.
    #[error("the VM {name} is paused")]
    Paused {
        /// The VM.
        name: String,
    },
    /// Its next start resumes the machine that was saved, so its definition can't be changed.
    #[error("the VM {name} has a saved state, which its next start resumes")]
    Saved {
        /// The VM.
        name: String,
    },
    /// The guest did not shut down in time.
    #[error("the VM {name} did not shut down within {}", humantime::format_duration(*.timeout))]
    StillRunning {
        /// The VM.
        name: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// It is in another state than libvirt was asked to bring it to.
    #[error("the VM {name} is {}, not {}", .state.in_words(), .wanted.in_words())]
    OtherState {
        /// The VM.
        name: String,
        /// What it was to be.
        wanted: VmState,
        /// What it is.
        state: VmState,
    },
    /// Its QEMU hangs, so libvirt can't tell what belongs to it.
    #[error("the QEMU of the VM {name} does not answer, so its files are unknown")]
    Hangs {
        /// The VM.
        name: String,
    },
    /// libvirt has no stored definition of it: shut off, it is gone.
    #[error("the VM {name} is transient: its definition is lost when it shuts down")]
    Transient {
        /// The VM.
        name: String,
    },
    /// Another process is creating it right now.
    #[error("the VM {name} is being created by another process")]
    BeingMade {
        /// The VM.
        name: String,
    },
    /// A create that was killed has left it half-made.
    #[error("the VM {name} is incomplete: the create was killed")]
    Unfinished {
        /// The VM.
        name: String,
    },
    /// vmtools has no record of it that could be changed.
    #[error("the VM {name} was not created by vmtools, so it has no labels and no time to live")]
    NotManaged {
        /// The VM.
        name: String,
    },
    /// It is protected against being deleted.
    #[error("the VM {name} is protected")]
    Protected {
        /// The VM.
        name: String,
    },
    /// Disks of other VMs are based on its own.
    #[error("the disks of {} are based on those of the VM {name}", .children.join(", "))]
    HasChildren {
        /// The VM.
        name: String,
        /// The linked clones.
        children: Vec<String>,
    },
    /// Its CPUs are arranged so that it can't have that number.
    #[error("the CPU topology of the VM {name} does not allow that number of CPUs")]
    CpuTopology {
        /// The VM.
        name: String,
        /// Why.
        #[source]
        cause: libvirt::TopologyMismatch,
    },
    /// There is no directory where QEMU could put a QMP socket for vmtools.
    #[error("there is no directory for the QMP socket of the VM {name}")]
    NoQmpFolder {
        /// The VM.
        name: String,
    },
}
