//! The errors of commands in a guest.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::ExecError;

pub(super) fn advice(error: &ExecError) -> Advice {
    use ExecError as E;
    match error {
        E::NotStarted { missing, .. } => {
            (if *missing { K::NotFound } else { K::Denied }, hint("shell syntax needs a shell: `sh -c '..'`"))
        }
        E::OutputLost { vm } => (
            K::Failed,
            hint(format_args!(
                "write it to a file in the guest and copy that: {}; or use {}",
                vmtools("cp").arg(format_args!("{vm}:FILE")).fixed("."),
                vmtools("ssh").arg(vm)
            )),
        ),
        E::InputTooLong { .. } => (
            K::Usage,
            hint(format_args!("copy it into the guest first: {}", vmtools("cp").fixed("FILE NAME:FILE"))),
        ),
    }
}
