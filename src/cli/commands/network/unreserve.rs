use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::MacAddress;
use crate::problem::Problem;

/// Remove a VM's reserved IP address.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools network unreserve default web")]
pub struct UnreserveArgs {
    /// Network name
    #[arg(value_name = "NET", add = complete::networks())]
    pub network: String,
    /// VM name, or the IP address, MAC address, DUID or host name of the reservation
    #[arg(add = complete::vms())]
    pub vm: String,
    /// Remove only the reservation of the interface with this MAC address
    #[arg(long)]
    pub mac: Option<MacAddress>,
}

/// # Errors
/// When there is no such network or VM.
pub async fn run(args: UnreserveArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let freed = session
        .networks()
        .unreserve(&args.network, &args.vm, args.mac)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(freed.as_slice(), |freed| {
        freed.iter().map(|kept| format!("{} is no longer reserved on {}\n", kept.ip, kept.network)).collect()
    });
    Ok(ExitCode::SUCCESS)
}
