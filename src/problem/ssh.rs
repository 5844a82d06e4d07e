//! ssh's errors, and those of its keys.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, hint, process, vmtools};
use crate::guest::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Denied { .. } => (
            K::Denied,
            hint(format_args!(
                "--user logs in as another user; {} and {} need no key",
                vmtools("console").fixed("NAME"),
                vmtools("exec").fixed("NAME").then("-- CMD")
            )),
        ),
        E::HostKeyChanged { .. } => (K::Denied, None),
        E::Unreachable { .. } => (
            K::Unreachable,
            hint(format_args!(
                "if the guest is still booting, wait for it with {}",
                vmtools("wait").fixed("NAME").option("--for", "ssh")
            )),
        ),
        E::PrivateKeyGiven { .. } => {
            (K::Usage, hint("give the public key, usually the file next to it that ends in .pub"))
        }
        E::NotAPublicKey { .. } => (K::Usage, None),
        E::Process(error) => process::advice(error),
        E::File(error) if error.source.kind() == Io::NotFound => (K::NotFound, None),
        E::OwnKeyDamaged { .. } => {
            (K::Failed, hint("restore that file, or move it away: then a new key is created for new VMs"))
        }
        E::NotSignalled { .. } | E::File(_) | E::Generate(_) => (K::Failed, None),
    }
}
