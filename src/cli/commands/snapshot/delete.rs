use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::commands::batch::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::SnapshotSelection;
use crate::model::parse_duration;
use crate::problem::Problem;

/// Delete snapshots of a VM.
#[derive(Debug, Args)]
#[command(after_help = "The VM stays as it is, and so do the other snapshots.\
                  \n\nExamples:\
                  \n  vmtools snapshot delete web clean     # shows what will be deleted, and asks\
                  \n  vmtools snapshot delete web --before 7d --yes")]
pub struct DeleteArgs {
    /// VM name or UUID
    #[arg(value_name = "VM", add = complete::vms())]
    pub vm: String,
    /// Snapshot names
    #[arg(value_name = "SNAPSHOT", required_unless_present = "before", add = complete::snapshots())]
    pub names: Vec<String>,
    /// Delete those created by vmtools that are older than this, except pinned ones
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub before: Option<Duration>,
    /// Delete without asking, and delete pinned snapshots too
    #[arg(short, long)]
    pub force: bool,
    /// Show what would be deleted without deleting it
    #[arg(long)]
    pub dry_run: bool,
}

/// # Errors
/// When one of the snapshots can't be deleted, or nobody may answer the question.
pub async fn run(args: DeleteArgs, context: &Context) -> Result<ExitCode, Problem> {
    let asks = !(args.force || args.dry_run || context.yes);
    if asks && !context.ui.can_ask() {
        return Err(Problem::usage(
            "deleting snapshots needs confirmation, but there is no terminal to ask on",
            "--yes deletes without asking, --force deletes pinned ones too; --dry-run shows what would be deleted",
        ));
    }
    let session = context.session().await?;
    let single = args.names.len() == 1 && args.before.is_none();
    let selection = SnapshotSelection { names: args.names, before: args.before, force: args.force };
    let plan = session.snapshots().plan_deletion(&args.vm, &selection).await;
    let plan = plan.map_err(|error| Problem::from(error).about(&args.vm))?;
    if args.dry_run {
        context.ui.show(&plan, render::snapshot_deletion);
        return Ok(ExitCode::SUCCESS);
    }
    if plan.snapshots.is_empty() {
        context.ui.note("nothing to delete");
    } else if asks {
        let shown = render::snapshot_deletion(&plan);
        context.ui.confirm(session.interrupt(), &shown, "Delete?", "nothing was deleted").await?;
    }
    let mut batch = Batch::new();
    let vm = plan.vm.clone();
    session.snapshots().delete_each(plan, |_, result| batch.take(&vm, result)).await;
    batch.finish(context, single, render::deleted_snapshot)
}
