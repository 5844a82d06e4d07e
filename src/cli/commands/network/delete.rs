use std::process::ExitCode;

use clap::Args;

use super::confirmed::{Change, Question};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

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
    let session = context.session().await?;
    let change = Change {
        names: &args.names,
        dry_run: args.dry_run,
        if_exists: args.if_exists,
        render: render::network_delete_plans,
        needs_answer: |_| true,
        question: Question {
            text: "Delete?",
            refusal: "nothing was deleted",
            no_terminal: "deleting networks needs confirmation, but there is no terminal to ask on",
            hint: "--yes deletes without asking; --dry-run shows what would be deleted",
        },
    };
    let networks = session.networks();
    let plan = async |name: &str| networks.plan_delete(name).await;
    let delete = async |plan| networks.delete(plan).await;
    change.run(&session, context, plan, delete, |network| format!("deleted {}\n", network.name)).await
}
