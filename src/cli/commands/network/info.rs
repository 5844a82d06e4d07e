use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Show detailed information about networks: VMs, leases and reservations.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network info default")]
pub struct InfoArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
}

/// # Errors
/// When one of the networks is not there.
pub async fn run(args: InfoArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        if !batch.keep(session.networks().info(name).await) {
            break;
        }
    }
    batch.finish(context, args.names.len() == 1, render::network)
}
