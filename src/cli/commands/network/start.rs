use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Start networks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network start default")]
pub struct StartArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
}

/// # Errors
/// When one of the networks can't be started.
pub async fn run(args: StartArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        if !batch.keep(session.networks().start(name).await) {
            break;
        }
    }
    super::finish(batch, context, args.names.len() == 1)
}
