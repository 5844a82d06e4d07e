use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::commands::batch::Batch;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{Error, ImageError, PruneRequest};
use crate::model::parse_duration;
use crate::problem::Problem;

/// Remove all unused images.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools image prune --dry-run\
                  \n  vmtools image prune --older-than 720h --yes")]
pub struct PruneArgs {
    /// Remove only images that were not used for this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Also remove imported and committed images, which cannot be downloaded again
    #[arg(long)]
    pub own: bool,
    /// Show what would be removed without removing it
    #[arg(long)]
    pub dry_run: bool,
}

/// # Errors
/// When libvirt can't be asked what is needed, or nobody may answer the question.
pub async fn run(args: PruneArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let unused =
        session.images().unused(PruneRequest { older_than: args.older_than, include_own: args.own }).await?;
    if unused.is_empty() {
        context.ui.note("nothing to remove");
    }
    if args.dry_run {
        context.ui.show(unused.as_slice(), |images| render::unused_images(images, "would remove"));
        return Ok(ExitCode::SUCCESS);
    }
    if !(context.yes || unused.is_empty()) {
        if !context.ui.can_ask() {
            return Err(Problem::usage(
                "removing images needs confirmation, but there is no terminal to ask on",
                "--yes removes without asking; --dry-run shows what would be removed",
            ));
        }
        let plan = render::unused_images(&unused, "remove");
        context.ui.confirm(session.interrupt(), &plan, "Remove?", "nothing was removed").await?;
    }
    let mut batch = Batch::new();
    for image in unused {
        match session.images().remove_unused(image).await {
            Ok(removed) => batch.add(removed),
            // What has come to be of use since is none of what was to go.
            Err(Error::Images(ImageError::InUse { image, .. })) => {
                context.ui.note(&format!("kept {image}: it is now in use"))
            }
            Err(error) => batch.fail(error.into()),
        }
    }
    batch.finish(context, false, render::removed_image)
}
