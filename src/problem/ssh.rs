//! ssh's errors, and those of its keys.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, process};
use crate::guest::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Denied { .. } => (K::Denied, None),
        E::Unreachable { .. } => (K::Unreachable, None),
        E::HostKeyChanged { .. } => (K::Denied, None),
        E::PrivateKeyGiven { .. } => (K::Usage, Some("name the public key: it ends in .pub".into())),
        E::NotAPublicKey { .. } => (K::Usage, None),
        E::Process(error) => process::advice(error),
        E::File(error) if error.source.kind() == Io::NotFound => (K::NotFound, None),
        _ => (K::Failed, None),
    }
}
