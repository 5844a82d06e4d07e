use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Enable or disable autostart of networks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network autostart lab --off")]
pub struct AutostartArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
    /// Disable autostart
    #[arg(long)]
    pub off: bool,
}

/// # Errors
/// When one of the networks can't be changed.
pub async fn run(args: AutostartArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        if !batch.keep(session.networks().autostart(name, !args.off).await) {
            break;
        }
    }
    batch.finish(context, args.names.len() == 1, |status| {
        let autostart = if status.network.autostart { "enabled" } else { "disabled" };
        let name = &status.network.name;
        context.ui.outcome(name, format!("{name}: autostart {autostart}\n"))
    })
}
