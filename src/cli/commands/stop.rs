use std::time::Duration;

use clap::Args;

use super::many::Many;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;
use crate::model::parse_duration;

/// The flags of `stop`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools stop web --timeout 30s || vmtools stop web --force")]
pub struct StopArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Pull the plug
    #[arg(short, long)]
    pub force: bool,
    /// How long the guest may take [default: 90s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When one of the VMs doesn't go off.
pub async fn run(args: StopArgs, context: &Context) -> Result<Code, Complaint> {
    let manager = context.manager().await?;
    let timeout = match args.timeout {
        Some(timeout) => timeout,
        None => context.config()?.wait.stop_timeout,
    };
    let names = args.selection.resolve(&manager).await?;
    let mut many = Many::new();
    for name in &names {
        if !many.take(name, manager.stop(name, args.force, timeout).await) {
            break;
        }
    }
    many.finish(context, args.selection.names.len() == 1, |vm| format!("{} is {}\n", vm.name, vm.state))
}
