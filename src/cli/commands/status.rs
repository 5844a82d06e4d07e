use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Show detailed information about a VM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools status web --json | jq -r .state")]
pub struct StatusArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
}

/// # Errors
/// When there is no such VM.
pub async fn run(args: StatusArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let status =
        session.vms().status(&args.name).await.map_err(|error| Problem::from(error).about(&args.name))?;
    context.ui.show(&status, render::status);
    Ok(ExitCode::SUCCESS)
}
