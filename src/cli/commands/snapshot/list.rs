use std::process::ExitCode;

use clap::Args;

use crate::cli::commands::selection::Selection;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::Error;
use crate::problem::{ErrorKind, Problem};

/// List snapshots.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools snapshot list web --tree\
                  \n  vmtools snapshot list --all --json | jq -r '.[].name'")]
pub struct ListArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Show which snapshot was made after which
    #[arg(long)]
    pub tree: bool,
}

/// # Errors
/// When one of the VMs isn't there.
pub async fn run(args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let names = args.selection.resolve(&session, context).await?;
    let with_vm = args.selection.names.len() != 1;
    let mut snapshots = Vec::new();
    let mut failed: Vec<Problem> = Vec::new();
    for name in &names {
        match session.snapshots().list(name).await {
            Ok(found) => snapshots.extend(found),
            Err(Error::Interrupted) => return Err(Error::Interrupted.into()),
            Err(error) => failed.push(Problem::from(error).about(name)),
        }
    }
    if failed.len() < names.len() {
        context.ui.show(snapshots.as_slice(), |snapshots| match args.tree {
            true => render::snapshot_tree(snapshots, with_vm),
            false => render::snapshots(snapshots, with_vm),
        });
    }
    let partly = failed.len() < names.len();
    let Some(last) = failed.pop() else { return Ok(ExitCode::SUCCESS) };
    failed.iter().for_each(|problem| context.ui.error(problem));
    let kind = if partly { ErrorKind::Partial } else { last.kind };
    Err(Problem { kind, ..last })
}
