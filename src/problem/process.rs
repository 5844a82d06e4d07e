//! Programs that could not be run, or failed.

use super::{Advice, ErrorKind as K, hint, install};
use crate::system::process::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Missing { .. } => (K::Incapable, hint(format_args!("install it with {}", install()))),
        E::TimedOut { .. } => (K::Timeout, None),
        E::Io { .. } | E::TooMuchOutput { .. } | E::Failed(_) => (K::Failed, None),
    }
}
