use std::process::ExitCode;

use clap::Args;

use super::many::Many;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{Error, Garbage};
use crate::problem::Problem;

/// Remove expired VMs and the leftovers of killed commands.
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
    let mut many = Many::new();
    if args.dry_run {
        garbage.into_iter().for_each(|item| many.add(item));
    } else {
        let (waiting, removable): (Vec<_>, Vec<_>) =
            garbage.into_iter().partition(|item| item.removable_at.is_some());
        let told = |item: Garbage, result: Result<(), Error>| {
            let name = item.name.clone();
            many.take(&name, result.map(|()| item))
        };
        session.garbage().remove_each(removable, told).await;
        waiting.into_iter().for_each(|item| many.add(item));
        session.garbage().sweep();
    }
    many.finish(context, false, |item| render::garbage(item, args.dry_run))
}
