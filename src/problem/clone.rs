//! The errors of clones.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::CloneError;

pub(super) fn advice(error: &CloneError) -> Advice {
    use CloneError as E;
    match error {
        E::SourceChanged { .. } => (K::WrongState, hint("nothing was kept; try again")),
        E::CopyFailed { name, .. } => {
            (K::Failed, hint(format_args!("try again, or stop it first with {}", vmtools("stop").arg(name))))
        }
        E::NotClonable { cause, .. } if cause.would_lose_data() => (K::Integrity, None),
        E::NotClonable { .. } => (K::Incapable, None),
    }
}
