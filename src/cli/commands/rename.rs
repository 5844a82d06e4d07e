use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::VmName;
use crate::problem::Problem;

/// Rename a shut-off VM.
#[derive(Debug, Args)]
#[command(
    after_help = "The VM must be shut off. Its disk files keep their names, and the guest keeps its host name: change \
                  that in the guest.\
                  \n\nExamples:\
                  \n  vmtools rename web web-old"
)]
pub struct RenameArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub old: String,
    /// New name of the VM
    pub new: VmName,
}

/// # Errors
/// When the VM isn't there or runs, or the name is taken.
pub async fn run(args: RenameArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let renamed = session.changes().rename(&args.old, &args.new).await;
    let vm = renamed.map_err(|error| Problem::from(error).about(&args.old))?;
    context
        .ui
        .show(&vm, |vm| context.ui.outcome(&vm.name, format!("{} is now called {}\n", args.old, vm.name)));
    Ok(ExitCode::SUCCESS)
}
