use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Show detailed information about a snapshot.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools snapshot show web clean")]
pub struct ShowArgs {
    /// VM name or UUID
    #[arg(value_name = "VM", add = complete::vms())]
    pub vm: String,
    /// Snapshot name
    #[arg(value_name = "SNAPSHOT", add = complete::snapshots())]
    pub name: String,
}

/// # Errors
/// When the VM has no such snapshot.
pub async fn run(args: ShowArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let snapshot = session.snapshots().show(&args.vm, &args.name).await;
    let snapshot = snapshot.map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&snapshot, render::snapshot);
    Ok(ExitCode::SUCCESS)
}
