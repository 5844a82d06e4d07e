use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Protect VMs from deletion.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools protect web    # `delete`, `create --replace` and `gc` will not delete it")]
pub struct ProtectArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
}

/// # Errors
/// When one of the VMs isn't there.
pub async fn run(args: ProtectArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let changes = session.changes();
    batch.each(&names, |name| changes.protect(name, true)).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| {
        context.ui.outcome(&vm.name, format!("{} is protected\n", vm.name))
    })
}
