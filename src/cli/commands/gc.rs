use std::process::ExitCode;

use clap::Args;

use super::many::Many;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Remove leftovers of killed commands, and expired VMs.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools gc --dry-run")]
pub struct GcArgs {
    /// Show what would go, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// # Errors
/// When something could not be removed.
pub async fn run(args: GcArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let garbage = session.garbage().find().await?;
    if garbage.is_empty() {
        context.ui.note("there is nothing to remove");
    }
    let mut many = Many::new();
    for item in garbage {
        let name = item.name.clone();
        let result = if args.dry_run { Ok(()) } else { session.garbage().remove(&item).await };
        if !many.take(&name, result.map(|()| item)) {
            break;
        }
    }
    if !args.dry_run {
        session.garbage().sweep();
    }
    many.finish(context, false, |item| render::garbage(item, args.dry_run))
}
