use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::many::Many;
use super::selection::Selection;
use super::start::wait_for;
use super::stop::stop_by;
use crate::cli::context::Context;
use crate::model::{Condition, parse_duration};
use crate::problem::{Doing, Problem};

/// Restart VMs: shut them down, then start them.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest is asked to go off, as `stop` does, and when it is the VM is started: so it gets what `set` left for \
                  its next start. A VM that is off is started. All are restarted at once.\n\nExample:\n  vmtools restart web --wait=ssh"
)]
pub struct RestartArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Pull the plug instead of asking the guest
    #[arg(short, long)]
    pub force: bool,
    /// Wait until it is up: the best that it can give, or ip, ssh, agent, cloud-init, port=N
    #[arg(long, value_name = "COND", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<Condition>>,
    /// How long it may take to go off [default: 90s], and with --wait to come up [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When one of the VMs doesn't go off, or doesn't start.
pub async fn run(args: RestartArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let by = stop_by(args.force, args.timeout, context)?;
    let wait = wait_for(args.wait, args.timeout, context)?;
    let names = args.selection.resolve(&session, context).await?;
    let mut many = Many::of(Doing::Restart);
    let power = session.power();
    many.each(&names, |name| power.restart(name, by, wait.as_ref())).await;
    many.finish(context, args.selection.names.len() == 1, |vm| {
        context.ui.outcome(&vm.name, format!("{} is {}\n", vm.name, vm.state))
    })
}
