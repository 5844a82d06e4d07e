use std::net::IpAddr;
use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::ReservationRequest;
use crate::model::{Duid, MacAddress};
use crate::problem::Problem;

/// Reserve an IP address for a VM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools network reserve default web 192.168.122.50\
                  \n  vmtools network reserve dual web fd20:30::50")]
pub struct ReserveArgs {
    /// Network name
    #[arg(value_name = "NET", add = complete::networks())]
    pub network: String,
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub vm: String,
    /// IPv4 or IPv6 address in a subnet of the network
    pub ip: IpAddr,
    /// MAC address of the interface, if the VM has several on the network
    #[arg(long)]
    pub mac: Option<MacAddress>,
    /// DHCPv6 DUID of the guest [default: the one in its lease, and its host name]
    #[arg(long)]
    pub duid: Option<Duid>,
}

/// # Errors
/// When the address is taken, or not one for guests of the network.
pub async fn run(args: ReserveArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let request = ReservationRequest { ip: args.ip, mac: args.mac, duid: args.duid };
    let kept = session
        .networks()
        .reserve(&args.network, &args.vm, &request)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&kept, |kept| {
        let line = format!("{} is reserved for {} on {}\n", kept.ip, args.vm, kept.network);
        context.ui.outcome(&args.vm, line)
    });
    context
        .ui
        .note("a running guest gets the address at its next DHCP request, at the latest when it restarts");
    Ok(ExitCode::SUCCESS)
}
