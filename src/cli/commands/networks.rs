use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// List networks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools networks")]
pub struct NetworksArgs {}

/// # Errors
/// When libvirt can't be asked.
pub async fn run(_args: NetworksArgs, context: &Context) -> Result<ExitCode, Problem> {
    let networks = context.reader().await?.networks().list().await?;
    context.ui.show(networks.as_slice(), render::networks);
    Ok(ExitCode::SUCCESS)
}
