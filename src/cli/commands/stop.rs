use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::manager::{StateChange, StopBy};
use crate::model::parse_duration;
use crate::problem::Problem;

/// Shut down VMs, or power them off.
#[derive(Debug, Args)]
#[command(
    after_help = "Several VMs are shut down in parallel. The guest is asked through its ACPI power button and, after \
                  5 seconds, through its agent as well.\
                  \n\nExamples:\
                  \n  vmtools stop web --timeout 30s || vmtools stop web --force"
)]
pub struct StopArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Power off immediately instead of shutting down the guest
    #[arg(short, long)]
    pub force: bool,
    /// Time to wait for the guest to shut down [default: 90s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When one of the VMs doesn't shut down.
pub async fn run(args: StopArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let by = stop_by(args.force, args.timeout, context)?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let power = session.power();
    batch.each(&names, |name| power.stop(name, by)).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| context.ui.outcome(&vm.name, changed(vm)))
}

/// What `--force` and `--timeout` ask for.
pub fn stop_by(force: bool, timeout: Option<Duration>, context: &Context) -> Result<StopBy, Problem> {
    Ok(match (force, timeout) {
        (true, _) => StopBy::Force,
        (false, Some(timeout)) => StopBy::Asking(timeout),
        (false, None) => StopBy::Asking(context.config()?.wait.stop_timeout),
    })
}

/// The line of a VM whose state was changed.
pub fn changed(vm: &StateChange) -> String {
    format!("{} is {}\n", vm.name, vm.state)
}
