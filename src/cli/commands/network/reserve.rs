use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::model::MacAddress;
use crate::problem::Problem;

/// The flags of `network reserve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools network reserve default web 192.168.122.50")]
pub struct ReserveArgs {
    /// The network
    #[arg(value_name = "NET")]
    pub network: String,
    /// The VM
    pub vm: String,
    /// The address, one of the network's
    pub ip: Ipv4Addr,
    /// Which of the VM's cards on the network, if it has several
    #[arg(long)]
    pub mac: Option<MacAddress>,
}

/// # Errors
/// When the address is taken, or not one for guests of the network.
pub async fn run(args: ReserveArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let kept = session
        .networks()
        .reserve(&args.network, &args.vm, args.ip, args.mac)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&kept, |kept| format!("{} is reserved for {} on {}\n", kept.ip, args.vm, kept.network));
    context.ui.note("a running guest gets it with its next DHCP request, at the latest when it restarts");
    Ok(ExitCode::SUCCESS)
}
