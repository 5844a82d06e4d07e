use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::{ErrorKind, Problem};

/// Delete networks that no VM uses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools network delete lab            # shows what will be deleted, and asks")]
pub struct DeleteArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
    /// Show what would be deleted without deleting it
    #[arg(long)]
    pub dry_run: bool,
    /// Ignore networks that do not exist
    #[arg(long)]
    pub if_exists: bool,
}

/// # Errors
/// When a VM uses one of the networks, or nobody may answer the question.
pub async fn run(args: DeleteArgs, context: &Context) -> Result<ExitCode, Problem> {
    let asks = !(args.dry_run || context.yes);
    if asks && !context.ui.can_ask() {
        return Err(Problem::usage(
            "deleting networks needs confirmation, but there is no terminal to ask on",
            "--yes deletes without asking; --dry-run shows what would be deleted",
        ));
    }
    let session = context.session().await?;
    let single = args.names.len() == 1;
    let mut plans = Vec::new();
    let mut batch = Batch::new();
    for (index, name) in args.names.iter().enumerate() {
        if args.names[..index].contains(name) {
            continue;
        }
        match session.networks().plan_delete(name).await.map_err(Problem::from) {
            Ok(plan) => plans.push(plan),
            Err(problem) if args.if_exists && problem.kind == ErrorKind::NotFound => {
                context.ui.note(&format!("there is no network {name}"));
            }
            Err(problem) => batch.fail(problem),
        }
    }
    if args.dry_run {
        context.ui.show_all(&plans, single, render::network_delete_plans);
        return batch.close(context);
    }
    if asks && !plans.is_empty() {
        let plan = render::network_delete_plans(&plans);
        let answer = context.ui.confirm(session.interrupt(), &plan, "Delete?", "nothing was deleted").await;
        if let Err(no) = answer {
            batch.fail(no);
            return batch.close(context);
        }
    }
    for plan in plans {
        if !batch.keep(session.networks().delete(plan).await) {
            break;
        }
    }
    batch.finish(context, single, |network| format!("deleted {}\n", network.name))
}
