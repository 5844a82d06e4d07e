use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{Error, Garbage};
use crate::problem::Problem;

/// Remove expired VMs and snapshots, and the leftovers of killed commands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools gc --dry-run")]
pub struct GcArgs {
    /// Show what would be removed without removing it
    #[arg(long)]
    pub dry_run: bool,
}

/// # Errors
/// When something could not be removed.
pub async fn run(args: GcArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let garbage = session.garbage().find().await?;
    if garbage.is_empty() {
        context.ui.note("nothing to remove");
    }
    let mut batch = Batch::new();
    if args.dry_run {
        garbage.into_iter().for_each(|item| batch.add(item));
    } else {
        let (waiting, removable): (Vec<_>, Vec<_>) =
            garbage.into_iter().partition(|item| item.removable_at.is_some());
        let on_result = |item: Garbage, result: Result<(), Error>| {
            let name = item.name.clone();
            batch.take(&name, result.map(|()| item))
        };
        session.garbage().remove_each(removable, on_result).await;
        waiting.into_iter().for_each(|item| batch.add(item));
        session.garbage().sweep();
    }
    batch.finish(context, false, |item| render::garbage(item, args.dry_run))
}
