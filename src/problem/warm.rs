//! Warm starts in words.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::{ColdReason, WarmError};

/// Why a VM boots instead of starting from a warm state.
pub fn reason(reason: ColdReason) -> &'static str {
    use ColdReason as R;
    match reason {
        R::NotStarted => "it was not started when it was created",
        R::NotCloudInit => "its guest is not set up by cloud-init",
        R::Mounts => "it mounts host directories",
        R::Tpm => "it has a TPM",
        R::Interfaces => "it does not have exactly one network interface",
        R::RemoteHost => "it is on another host",
        R::StoragePool => "its storage pool is not a directory",
        R::NotPermitted => "this user cannot write to the directory of the storage pool",
        R::NoState => "there is no warm state yet",
        R::Busy => "another command is saving or removing the warm state",
        R::BadState => "the warm state is too old, damaged or does not fit",
        R::CopyFailed => "the warm state could not be copied",
        R::TimedOut => "loading the warm state took too long",
        R::RestoreFailed => "QEMU could not load the warm state",
        R::IdentityFailed => "the guest did not take its new identity",
        R::Unreachable => "the guest did not answer in time",
    }
}

pub(super) fn advice(error: &WarmError) -> Advice {
    match error {
        WarmError::NotPossible { reason: because, .. } => {
            let boots = hint(format_args!("{}; such VMs are booted", reason(*because)));
            (if *because == ColdReason::NotPermitted { K::Denied } else { K::Incapable }, boots)
        }
        WarmError::NotPrepared { .. } => (
            K::Incapable,
            hint(
                "the guest needs Python 3, and a user who can use sudo without a password; such VMs are booted",
            ),
        ),
        WarmError::InterfaceStays => (K::Timeout, hint("such VMs are booted")),
        WarmError::Unusable { .. } => {
            (K::Failed, hint(format_args!("check this host with {}", vmtools("doctor"))))
        }
    }
}
