use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::model::{CardSpec, MacAddress, NetworkSpec, NicModel};
use crate::problem::Problem;

/// The flags of `network attach`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vmtools network attach lab web\n  vmtools network attach bridge=br0 web --model e1000e"
)]
pub struct AttachArgs {
    /// The network, or bridge=NAME for a bridge of the host
    #[arg(value_name = "NET", value_parser = super::pluggable)]
    pub network: NetworkSpec,
    /// The VM
    pub vm: String,
    /// The card's hardware address [default: one is made]
    #[arg(long)]
    pub mac: Option<MacAddress>,
    /// The card's model: virtio, e1000e, e1000, rtl8139 [default: that of its other cards]
    #[arg(long)]
    pub model: Option<NicModel>,
}

/// # Errors
/// When there is no such network or VM, or the machine has no place for a card.
pub async fn run(args: AttachArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let card = CardSpec { network: args.network, mac: args.mac, model: args.model };
    let done = session
        .networks()
        .attach(&card, &args.vm)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&done, |done| {
        let when = if done.live { "" } else { ", from its next start" };
        format!("{} is attached to {} ({}){when}\n", done.vm, done.network, done.mac)
    });
    Ok(ExitCode::SUCCESS)
}
