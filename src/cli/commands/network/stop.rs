use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Stop networks that no running VM uses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network stop lab")]
pub struct StopArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
    /// Stop the network even if running VMs use it; they stay disconnected until restarted
    #[arg(short, long)]
    pub force: bool,
}

/// # Errors
/// When a running VM uses one of the networks.
pub async fn run(args: StopArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        if !batch.keep(session.networks().stop(name, args.force).await) {
            break;
        }
    }
    super::finish(batch, context, args.names.len() == 1)
}
