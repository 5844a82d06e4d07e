//! ssh's errors, and those of its keys.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, hint, process};
use crate::guest::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Denied { .. } | E::HostKeyChanged { .. } => (K::Denied, None),
        E::Unreachable { .. } => (K::Unreachable, None),
        E::PrivateKeyGiven { .. } => {
            (K::Usage, hint("give the public key, usually the file next to it that ends in .pub"))
        }
        E::NotAPublicKey { .. } => (K::Usage, None),
        E::Process(error) => process::advice(error),
        E::File(error) if error.source.kind() == Io::NotFound => (K::NotFound, None),
        E::NotSignalled { .. } | E::File(_) | E::Generate(_) | E::OwnKeyDamaged { .. } => (K::Failed, None),
    }
}
