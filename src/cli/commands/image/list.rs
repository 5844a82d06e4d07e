use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::available_images;
use crate::problem::Problem;

/// List images.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools image list\n  vmtools image list --available ubuntu")]
pub struct ListArgs {
    /// List the images in the catalogue instead of the local ones
    #[arg(long)]
    pub available: bool,
    /// List only images whose names contain this text
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
}

/// # Errors
/// When the catalogue or the directories of images can't be read.
pub async fn run(args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    if !args.available {
        return here(args.filter.as_deref(), context).await;
    }
    let images = available_images(&context.paths, args.filter.as_deref())?;
    context.ui.show(images.as_slice(), render::available_images);
    Ok(ExitCode::SUCCESS)
}

async fn here(filter: Option<&str>, context: &Context) -> Result<ExitCode, Problem> {
    let mut images = context.session().await?.images().list().await?;
    let filter = filter.unwrap_or_default().to_ascii_lowercase();
    images.retain(|image| image.name.to_ascii_lowercase().contains(&filter));
    context.ui.show(images.as_slice(), render::images);
    Ok(ExitCode::SUCCESS)
}
