use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use super::stop::changed;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Pause running VMs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools pause web    # it keeps its memory; `vmtools resume web` resumes it")]
pub struct PauseArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
}

/// # Errors
/// When one of the VMs isn't running.
pub async fn run(args: PauseArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let power = session.power();
    batch.each(&names, |name| power.pause(name)).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| context.ui.outcome(&vm.name, changed(vm)))
}
