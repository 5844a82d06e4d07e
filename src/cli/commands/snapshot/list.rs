use std::process::ExitCode;

use clap::Args;

use crate::cli::commands::batch::Batch;
use crate::cli::commands::selection::Filter;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::Error;
use crate::problem::Problem;

/// List snapshots.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools snapshot list web --tree\
                  \n  vmtools snapshot list --json | jq -r '.[] | select(.pinned) | .vm + \" \" + .name'")]
pub struct ListArgs {
    /// VM names or UUIDs [default: all VMs]
    #[arg(value_name = "NAME", conflicts_with_all = ["all", "label"], add = complete::vms())]
    pub names: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
    /// Show the snapshots as a tree
    #[arg(long)]
    pub tree: bool,
}

/// # Errors
/// When one of the VMs isn't there.
pub async fn run(args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let is_of_all = args.names.is_empty() && !args.filter.is_given();
    let vms = match is_of_all {
        true => session.vms().states().await?.into_iter().map(|(name, _)| name).collect(),
        false => args.filter.resolve(&args.names, &session, context).await?,
    };
    let single = args.names.len() == 1;
    let mut batch = Batch::new();
    let mut snapshots = Vec::new();
    for vm in &vms {
        let listed = session.snapshots().list(vm).await;
        // Nobody asked for a VM that was deleted meanwhile.
        if is_of_all && listed.as_ref().is_err_and(Error::is_not_found) {
            continue;
        }
        if !batch.take(vm, listed.map(|listed| snapshots.extend(listed))) {
            return batch.close(context);
        }
    }
    if !single || !batch.has_failed() {
        context.ui.show(snapshots.as_slice(), |snapshots| match args.tree {
            true => render::snapshot_tree(snapshots, !single),
            false => render::snapshots(snapshots, !single),
        });
    }
    batch.close(context)
}
