//! The noun `network`: one file per verb.

mod attach;
mod autostart;
mod confirmed;
mod create;
mod delete;
mod detach;
mod info;
mod reserve;
mod set;
mod start;
mod stop;
mod unreserve;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::batch::Batch;
use super::help::{self, NounHelpArgs};
use super::networks;
use crate::cli::context::Context;
use crate::manager::NetworkStatus;
use crate::model::{Invalid, NetworkSpec};
use crate::problem::Problem;

/// Manage networks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools network create lab --mode isolated\
                  \n  vmtools network attach lab web")]
pub struct NetworkArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List networks
    List(networks::NetworksArgs),
    /// Create and start a network, and enable its autostart
    Create(create::CreateArgs),
    /// Start networks
    Start(start::StartArgs),
    /// Stop networks that no running VM uses
    Stop(stop::StopArgs),
    /// Delete networks that no VM uses
    Delete(delete::DeleteArgs),
    /// Show detailed information about networks: VMs, leases and reservations
    Info(info::InfoArgs),
    /// Change networks
    Set(set::SetArgs),
    /// Enable or disable autostart of networks
    Autostart(autostart::AutostartArgs),
    /// Reserve an IP address for a VM
    Reserve(reserve::ReserveArgs),
    /// Remove a VM's reserved IP address
    Unreserve(unreserve::UnreserveArgs),
    /// Attach a VM to a network, even while it runs
    Attach(attach::AttachArgs),
    /// Detach a VM from a network, even while it runs
    Detach(detach::DetachArgs),
    /// Show the help of a subcommand
    #[command(hide = true)]
    Help(NounHelpArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: NetworkArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => networks::run(args, context).await,
        Verb::Create(args) => create::run(args, context).await,
        Verb::Start(args) => start::run(args, context).await,
        Verb::Stop(args) => stop::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
        Verb::Info(args) => info::run(args, context).await,
        Verb::Set(args) => set::run(args, context).await,
        Verb::Autostart(args) => autostart::run(args, context).await,
        Verb::Reserve(args) => reserve::run(args, context).await,
        Verb::Unreserve(args) => unreserve::run(args, context).await,
        Verb::Attach(args) => attach::run(args, context).await,
        Verb::Detach(args) => detach::run(args, context).await,
        Verb::Help(args) => help::run_of_noun("network", args),
    }
}

/// Shows what became of several networks; with one named it is an object, else an array.
fn finish(batch: Batch<NetworkStatus>, context: &Context, single: bool) -> Result<ExitCode, Problem> {
    batch.finish(context, single, |status| {
        let state = if status.network.active { "active" } else { "inactive" };
        let name = &status.network.name;
        context.ui.outcome(name, format!("{name} is {state}\n"))
    })
}

/// What an interface can be plugged into later. User-mode networking is settled at the create: the ports that are
/// forwarded to the VM hang on it.
fn pluggable(text: &str) -> Result<NetworkSpec, String> {
    let network = text.parse().map_err(|error: Invalid| error.to_string())?;
    check_pluggable(&network)?;
    Ok(network)
}

fn check_pluggable(network: &NetworkSpec) -> Result<(), String> {
    match network {
        NetworkSpec::User | NetworkSpec::None => {
            Err("expected NAME, NAME,portgroup=GROUP or bridge=NAME".into())
        }
        NetworkSpec::Network { .. } | NetworkSpec::Bridge(_) => Ok(()),
    }
}
