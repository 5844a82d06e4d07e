use serde::Serialize;

use super::WarmStates;
use crate::manager::VmSpec;
use crate::model::{InterfaceSpec, NetworkSpec};

/// Why a VM for which a warm start was asked for was booted instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColdReason {
    /// It was not to be started.
    NotStarted,
    /// Its guest is not set up by cloud-init, which is where a new identity goes.
    NotCloudInit,
    /// It shares host directories, which can't be saved.
    Mounts,
    /// It has a TPM, whose content is its guest's alone.
    Tpm,
    /// It has no network interface, or several.
    Interfaces,
    /// It is on another host.
    RemoteHost,
    /// Its disks lie in a storage pool that is no directory.
    StoragePool,
    /// This user may not write to the storage pool's directory.
    NotPermitted,
    /// There is no state of that key yet; one is made.
    NoState,
    /// Another command is making, or removing, the state.
    Busy,
    /// The state does not fit the VM, or is damaged; it was removed.
    BadState,
    /// The state could not be copied.
    CopyFailed,
    /// Loading it took too long.
    TimedOut,
    /// QEMU could not load the state.
    RestoreFailed,
    /// The guest did not take its identity.
    IdentityFailed,
    /// The guest could not be reached in time.
    Unreachable,
}

/// Each with the word for JSON and for records.
const WORDS: [(ColdReason, &str); 16] = [
    (ColdReason::NotStarted, "not_started"),
    (ColdReason::NotCloudInit, "not_cloud_init"),
    (ColdReason::Mounts, "mounts"),
    (ColdReason::Tpm, "tpm"),
    (ColdReason::Interfaces, "interfaces"),
    (ColdReason::RemoteHost, "remote_host"),
    (ColdReason::StoragePool, "storage_pool"),
    (ColdReason::NotPermitted, "not_permitted"),
    (ColdReason::NoState, "no_state"),
    (ColdReason::Busy, "busy"),
    (ColdReason::BadState, "bad_state"),
    (ColdReason::CopyFailed, "copy_failed"),
    (ColdReason::TimedOut, "timed_out"),
    (ColdReason::RestoreFailed, "restore_failed"),
    (ColdReason::IdentityFailed, "identity_failed"),
    (ColdReason::Unreachable, "unreachable"),
];

impl ColdReason {
    /// The word for it, as in JSON.
    pub fn name(self) -> &'static str {
        WORDS.iter().find(|(reason, _)| *reason == self).map_or("", |(_, word)| word)
    }

    pub(in crate::manager) fn from_name(name: &str) -> Option<Self> {
        WORDS.iter().find(|(_, word)| *word == name).map(|(reason, _)| *reason)
    }

    /// Whether it speaks against the state.
    pub(super) fn is_states_fault(self) -> bool {
        matches!(self, Self::BadState | Self::RestoreFailed | Self::IdentityFailed | Self::Unreachable)
    }

    /// Whether a state of the VM's key is worth making.
    pub fn wants_state(self) -> bool {
        self == Self::NoState || self.is_states_fault()
    }
}

impl WarmStates<'_> {
    /// Why a VM like this can't be started from a state, whatever states there are.
    pub(super) fn obstacle(&self, spec: &VmSpec, interfaces: &[InterfaceSpec]) -> Option<ColdReason> {
        let locality = self.op.locality();
        let is_plugged = |interface: &&InterfaceSpec| interface.network != NetworkSpec::None;
        if !locality.is_here() {
            Some(ColdReason::RemoteHost)
        } else if spec.image.is_none() || !spec.cloud_init || spec.ignition.is_some() {
            Some(ColdReason::NotCloudInit)
        } else if !spec.mounts.is_empty() {
            Some(ColdReason::Mounts)
        } else if spec.hardware.tpm {
            Some(ColdReason::Tpm)
        } else if interfaces.iter().filter(is_plugged).count() != 1 {
            Some(ColdReason::Interfaces)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_json_use_one_word() {
        for (reason, word) in WORDS {
            assert_eq!(serde_json::to_value(reason).expect("writes"), word);
            assert_eq!((reason.name(), ColdReason::from_name(word)), (word, Some(reason)));
        }
        assert_eq!(ColdReason::from_name("later"), None);
    }
}
