use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::{MacAddress, NetworkSpec};
use crate::problem::Problem;

/// Detach a VM from a network, even while it runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network detach lab web")]
pub struct DetachArgs {
    /// NAME, NAME,portgroup=GROUP, or bridge=NAME for a bridge of the host
    #[arg(value_name = "NET", value_parser = super::pluggable, add = complete::networks())]
    pub network: NetworkSpec,
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub vm: String,
    /// MAC address of the interface, if the VM has several on the network
    #[arg(long)]
    pub mac: Option<MacAddress>,
}

/// # Errors
/// When the VM is not plugged in there, or its guest does not release the interface.
pub async fn run(args: DetachArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let done = session
        .networks()
        .detach(&args.network, &args.vm, args.mac)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&done, |done| {
        format!("{} is detached from {} ({})\n", done.vm, args.network.in_words(), done.mac)
    });
    Ok(ExitCode::SUCCESS)
}
