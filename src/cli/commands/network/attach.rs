use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::{InterfaceSpec, Invalid, MacAddress, NicModel};
use crate::problem::Problem;

/// Attach a VM to a network, even while it runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools network attach lab web\
                  \n  vmtools network attach bridge=br0 web --model e1000e\
                  \n  vmtools network attach ovs,portgroup=trunk web")]
pub struct AttachArgs {
    /// NAME, NAME,portgroup=GROUP, or bridge=NAME for a bridge of the host
    #[arg(value_name = "NET", value_parser = pluggable, add = complete::networks())]
    pub interface: InterfaceSpec,
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub vm: String,
    /// MAC address of the interface [default: generated]
    #[arg(long)]
    pub mac: Option<MacAddress>,
    /// Model: virtio, e1000e, e1000 or rtl8139 [default: that of the VM's other interfaces]
    #[arg(long)]
    pub model: Option<NicModel>,
}

/// # Errors
/// When there is no such network or VM, or the machine has no place for an interface.
pub async fn run(args: AttachArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let interface = interface(&args)?;
    let done = session
        .networks()
        .attach(&interface, &args.vm)
        .await
        .map_err(|error| Problem::from(error).about(&args.vm))?;
    context.ui.show(&done, |done| {
        let when = if done.live { "" } else { "; this takes effect at its next start" };
        let line =
            format!("{} is attached to {} ({}){when}\n", done.vm, interface.network.in_words(), done.mac);
        context.ui.outcome(&done.vm, line)
    });
    Ok(ExitCode::SUCCESS)
}

fn pluggable(text: &str) -> Result<InterfaceSpec, String> {
    let interface: InterfaceSpec = text.parse().map_err(|error: Invalid| error.to_string())?;
    super::check_pluggable(&interface.network)?;
    Ok(interface)
}

/// The interface, as the first argument and the flags describe it.
fn interface(args: &AttachArgs) -> Result<InterfaceSpec, Problem> {
    let mut interface = args.interface.clone();
    let twice = |flag: &str, option: &str| {
        Problem::usage(format!("both {flag} and {option} are given"), "give only one of them")
    };
    if let Some(mac) = args.mac
        && interface.mac.replace(mac).is_some()
    {
        return Err(twice("--mac", "mac="));
    }
    if let Some(model) = args.model
        && interface.model.replace(model).is_some()
    {
        return Err(twice("--model", "model="));
    }
    Ok(interface)
}
