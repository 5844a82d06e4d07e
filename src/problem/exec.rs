//! The errors of commands in a guest.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::ExecError;

pub(super) fn advice(error: &ExecError) -> Advice {
    use ExecError as E;
    match error {
        E::NotStarted { missing, is_for_shell, .. } => {
            let advice = match (is_for_shell, missing) {
                (true, _) => "the command is run without a shell: for shell syntax use `sh -c '..'`",
                (false, true) => {
                    "the program is not in the PATH of the guest's agent: install it, or give its full path"
                }
                (false, false) => "check that the file is executable and built for the guest",
            };
            (if *missing { K::NotFound } else { K::Denied }, hint(advice))
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
