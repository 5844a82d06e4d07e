//! Programs that could not be run, or failed.

use super::{Advice, ErrorKind as K};
use crate::manager::installer;
use crate::system::process::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Missing { .. } => (K::Incapable, Some(installer())),
        E::TimedOut { .. } => (K::Timeout, None),
        E::Io { .. } | E::TooMuchOutput { .. } | E::Failed(_) => (K::Failed, None),
    }
}
