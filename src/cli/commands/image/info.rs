use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Show detailed information about an image.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools image info ubuntu-24.04")]
pub struct InfoArgs {
    /// Image name or digest prefix
    #[arg(add = complete::images())]
    pub name: String,
}

/// # Errors
/// When there is no such image on this machine.
pub async fn run(args: InfoArgs, context: &Context) -> Result<ExitCode, Problem> {
    let image = context.session().await?.images().info(&args.name).await?;
    context.ui.show(&image, render::image);
    Ok(ExitCode::SUCCESS)
}
