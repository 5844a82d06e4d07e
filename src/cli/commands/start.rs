use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::manager::WaitFor;
use crate::model::{Condition, parse_duration};
use crate::problem::Problem;

/// Start VMs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools start web --wait=ssh --timeout 2m")]
pub struct StartArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Wait for ip, ssh, agent, cloud-init or port=N [default: the best the VM supports]
    #[arg(long, value_name = "COND", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<Condition>>,
    /// Time to wait [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When one of the VMs can't be started.
pub async fn run(args: StartArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let wait = wait_for(args.wait, args.timeout, context)?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let power = session.power();
    batch.each(&names, |name| power.start(name, wait.as_ref())).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| {
        context.ui.outcome(&vm.name, format!("{} is {}\n", vm.name, vm.state))
    })
}

/// What `--wait[=COND]` and `--timeout` ask for.
pub fn wait_for(
    wait: Option<Option<Condition>>,
    timeout: Option<Duration>,
    context: &Context,
) -> Result<Option<WaitFor>, Problem> {
    let Some(condition) = wait else { return Ok(None) };
    let timeout = match timeout {
        Some(timeout) => timeout,
        None => context.config()?.wait.timeout,
    };
    Ok(Some(WaitFor { conditions: condition.into_iter().collect(), timeout }))
}
