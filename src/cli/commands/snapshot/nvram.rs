//! What is asked before the first snapshot of a VM with UEFI variables in a raw file.

use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::manager::Error;
use crate::problem::Problem;

/// Converts the UEFI variables of a VM that is shut off to qcow2, if the user agrees: else its snapshots leave them out. A
/// VM that can't have that, or isn't there, is left to the snapshot.
///
/// # Errors
/// When the conversion fails, or at Ctrl-C.
pub async fn offer_conversion(session: &Session, context: &Context, vm: &str) -> Result<(), Problem> {
    if !matches!(session.changes().has_raw_nvram(vm).await, Ok(true)) {
        return Ok(());
    }
    if !context.yes {
        if !context.ui.can_ask() {
            return Ok(());
        }
        let shown = format!("the UEFI variables of {vm} are in a raw file, which snapshots do not include");
        let question = "Convert them to qcow2?";
        let agreed =
            context.ui.confirm(session.interrupt(), &shown, question, "they were not converted").await;
        // Without it there is a snapshot, too.
        if let Err(problem) = agreed {
            return if problem.declined { Ok(()) } else { Err(problem) };
        }
    }
    let converted = session.changes().convert_nvram(vm).await;
    converted.map(drop).map_err(|error: Error| Problem::from(error).about(vm))
}
