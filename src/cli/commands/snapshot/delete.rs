use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::existing::Existing;
use crate::cli::commands::batch::Batch;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::SnapshotSelection;
use crate::model::parse_duration;
use crate::problem::Problem;

/// Delete snapshots.
#[derive(Debug, Args)]
#[command(
    mut_arg("names", |names| names.required_unless_present_any(["snapshot", "before"])),
    override_usage = "vmtools snapshot delete [OPTIONS] <VM> <SNAPSHOT>...\
                      \n       vmtools snapshot delete [OPTIONS] <VM> --before <DURATION>\
                      \n       vmtools snapshot delete [OPTIONS] <VM>... --snapshot <SNAPSHOT>",
    after_help = "The VMs and their other snapshots are not changed.\
                  \n\nExamples:\
                  \n  vmtools snapshot delete web clean     # shows what will be deleted, and asks\
                  \n  vmtools snapshot delete web db --snapshot clean --yes\
                  \n  vmtools snapshot delete -l ci=nightly --before 7d --dry-run"
)]
pub struct DeleteArgs {
    /// The snapshots
    #[command(flatten)]
    pub existing: Existing,
    /// Delete snapshots older than this that vmtools created, except pinned ones
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
    let chosen = args.existing.resolve(&session, context).await?;
    let single = chosen.single_vm && chosen.snapshots.len() == 1 && args.before.is_none();
    let selection = SnapshotSelection { names: chosen.snapshots, before: args.before, force: args.force };
    let mut plans = Vec::new();
    let mut batch = Batch::new();
    for vm in &chosen.vms {
        match session.snapshots().plan_deletion(vm, &selection).await {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                if !batch.take(vm, Err(error)) {
                    return batch.close(context);
                }
            }
        }
    }
    if args.dry_run {
        context.ui.show_all(&plans, chosen.single_vm, render::snapshot_deletions);
        return batch.close_plans(context, plans.len());
    }
    if plans.iter().all(|plan| plan.snapshots.is_empty()) {
        if !plans.is_empty() {
            context.ui.note("nothing to delete");
        }
    } else if asks {
        let shown = render::snapshot_deletions(&plans);
        let answer = context.ui.confirm(session.interrupt(), &shown, "Delete?", "nothing was deleted").await;
        if let Err(no) = answer {
            batch.fail(no);
            return batch.close(context);
        }
    }
    for plan in plans {
        let vm = plan.vm.clone();
        let mut goes_on = true;
        let take = |_: &str, result| {
            goes_on = batch.take(&vm, result);
            goes_on
        };
        session.snapshots().delete_each(plan, take).await;
        if !goes_on {
            break;
        }
    }
    batch.finish(context, single, render::deleted_snapshot)
}
