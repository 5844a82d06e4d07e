use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{DeletePlan, DeleteRequest, Deleted};
use crate::problem::{Doing, ErrorKind, Problem};

/// Delete VMs and the disks created for them.
#[derive(Debug, Args)]
#[command(
    after_help = "--with-foreign-disks asks even with --force, unless --yes is given. Disks that are shared, read-only \
                  or needed by something else are always kept.\
                  \n\nExamples:\
                  \n  vmtools delete web            # shows what will be deleted, and asks\
                  \n  vmtools delete --force -l ci=nightly"
)]
pub struct DeleteArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Delete without asking, and power off running VMs first
    #[arg(short, long)]
    pub force: bool,
    /// Keep the VMs' disks
    #[arg(long)]
    pub keep_disks: bool,
    /// Also delete disks that vmtools did not create, except shared, read-only or needed ones; asks
    #[arg(long, conflicts_with = "keep_disks")]
    pub with_foreign_disks: bool,
    /// Show what would be deleted without deleting it
    #[arg(long)]
    pub dry_run: bool,
    /// Ignore VMs that do not exist
    #[arg(long)]
    pub if_exists: bool,
}

/// # Errors
/// When one of the VMs can't be deleted, or nobody may answer the question.
pub async fn run(args: DeleteArgs, context: &Context) -> Result<ExitCode, Problem> {
    let asks = !(args.force || args.dry_run || context.yes);
    // For others' disks it takes more than the flag that is for the VM.
    let asks_for_disks = args.with_foreign_disks && !(args.dry_run || context.yes);
    refuse_without_terminal(asks, asks_for_disks, context)?;
    let session = context.session().await?;
    let names = args.selection.resolve(&session, context).await?;
    let single = args.selection.names.len() == 1;
    let request = DeleteRequest {
        // What would go is shown of one that runs, too, with what it takes.
        may_stop: args.force || args.dry_run,
        keep_disks: args.keep_disks,
        foreign_disks: args.with_foreign_disks,
        ends_hanging: args.force && !args.dry_run,
    };
    let mut plans = Vec::new();
    let mut batch = Batch::of(Doing::Delete);
    for (name, plan) in session.deletion().plan(&names, &request).await? {
        match plan.map_err(|error| Problem::during(Doing::Delete, error)) {
            Ok(plan) => plans.push(plan),
            Err(problem) => fail(problem.about(&name), &args, context, &mut batch),
        }
    }
    if args.dry_run {
        context.ui.show_all(&plans, single, |plans| render::delete_plans(plans, args.force));
        return batch.close_plans(context, plans.len());
    }
    let foreign: Vec<&str> = plans.iter().flat_map(DeletePlan::foreign).collect();
    if (asks || asks_for_disks && !foreign.is_empty()) && !plans.is_empty() {
        let question = match foreign.as_slice() {
            [] => "Delete?".to_owned(),
            disks => format!("Delete, including disks that vmtools did not create ({})?", disks.join(", ")),
        };
        let plan = render::delete_plans(&plans, args.force);
        let answer = context.ui.confirm(session.interrupt(), &plan, &question, "nothing was deleted").await;
        if let Err(no) = answer {
            batch.fail(no);
            return batch.close(context);
        }
    }
    session
        .deletion()
        .delete_each(plans, |name, result| match result {
            Ok(deleted) => {
                batch.add(deleted);
                true
            }
            Err(error) => {
                let problem = Problem::during(Doing::Delete, error).about(name);
                let goes_on = problem.kind != ErrorKind::Interrupted;
                fail(problem, &args, context, &mut batch);
                goes_on
            }
        })
        .await;
    batch.finish(context, single, render::deleted)
}

fn refuse_without_terminal(asks: bool, asks_for_disks: bool, context: &Context) -> Result<(), Problem> {
    if context.ui.can_ask() {
        return Ok(());
    }
    if asks_for_disks {
        return Err(Problem::usage(
            "deleting disks that vmtools did not create needs confirmation, but there is no terminal to ask on",
            "--yes deletes them without asking; --dry-run shows what would be deleted",
        ));
    }
    if asks {
        return Err(Problem::usage(
            "deleting VMs needs confirmation, but there is no terminal to ask on",
            "--yes deletes without asking, --force deletes running VMs too; --dry-run shows what would be deleted",
        ));
    }
    Ok(())
}

fn fail(problem: Problem, args: &DeleteArgs, context: &Context, batch: &mut Batch<Deleted>) {
    match (&problem.vm, problem.kind) {
        (Some(name), ErrorKind::NotFound) if args.if_exists => {
            context.ui.note(&format!("there is no VM {name}"));
        }
        _ => batch.fail(problem),
    }
}
