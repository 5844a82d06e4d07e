use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// List a VM's disks and CD-ROM drives.
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Examples:\n  vmtools disk list web")]
pub struct ListArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
}

/// # Errors
/// When there is no such VM.
pub async fn run(args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    let disks = context.session().await?.disks().list(&args.name).await?;
    context.ui.show(disks.as_slice(), render::disks);
    Ok(ExitCode::SUCCESS)
}
