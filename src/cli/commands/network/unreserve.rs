use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::MacAddress;
use crate::problem::Problem;

/// Remove a VM's reserved IP address.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools network unreserve default web")]
pub struct UnreserveArgs {
    /// The network
    #[arg(value_name = "NET", add = complete::networks())]
    pub network: String,
    /// The VM; for one that is gone the address, hardware address, DUID or host name
    #[arg(add = complete::vms())]
    pub vm: String,
    /// Only for this one of its interfaces
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
        freed.iter().map(|kept| format!("{} is free on {}\n", kept.ip, kept.network)).collect()
    });
    Ok(ExitCode::SUCCESS)
}
