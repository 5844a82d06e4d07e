//! The errors of files on their way to or from a guest.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::{CopyError, CopyRefusal};

pub(super) fn advice(error: &CopyError) -> Advice {
    use CopyError as E;
    match error {
        E::Sides => (
            K::Usage,
            hint(format_args!(
                "NAME:PATH is a file in a guest, and any other path one of this host: {}",
                vmtools("cp").fixed("FILE NAME:PATH")
            )),
        ),
        E::NotFound { .. } => (K::NotFound, None),
        E::IsFolder { .. } => (K::Usage, hint("copy it with -r")),
        E::WrongKind { .. } => (K::Exists, hint("choose another destination")),
        E::Refused { reason: CopyRefusal::Denied, .. } => {
            (K::Denied, hint("--by agent copies as root, if the guest runs the agent"))
        }
        E::Refused { reason: CopyRefusal::ToolMissing, .. } => {
            (K::Incapable, hint("the guest needs sh, tar, base64 and stat"))
        }
        E::CutOff | E::Stream(_) => (K::Failed, hint("try again")),
        E::Refused { reason: CopyRefusal::Other, .. } | E::Output(_) => (K::Failed, None),
        E::Host { source, .. } => (source.kind().into(), None),
    }
}
