use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Remove the deletion protection of VMs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools unprotect web && vmtools delete web")]
pub struct UnprotectArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
}

/// # Errors
/// When one of the VMs isn't there.
pub async fn run(args: UnprotectArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let changes = session.changes();
    batch.each(&names, |name| changes.protect(name, false)).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| {
        context.ui.outcome(&vm.name, format!("{} is no longer protected\n", vm.name))
    })
}
