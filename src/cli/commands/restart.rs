use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::batch::Batch;
use super::selection::Selection;
use super::start::wait_for;
use super::stop::stop_by;
use crate::cli::context::Context;
use crate::model::{Condition, parse_duration};
use crate::problem::{Doing, Problem};

/// Restart VMs: shut them down, then start them.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest is asked to shut down, as by `stop`, and the VM is then started, so that changes deferred \
                  to its next start take effect. A VM that is shut off is started. Several VMs are restarted in \
                  parallel.\
                  \n\nExamples:\
                  \n  vmtools restart web --wait=ssh"
)]
pub struct RestartArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Power off immediately instead of shutting down the guest
    #[arg(short, long)]
    pub force: bool,
    /// Wait for ip, ssh, agent, cloud-init or port=N [default: the best the VM supports]
    #[arg(long, value_name = "COND", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<Condition>>,
    /// Time to wait for the shutdown [default: 90s] and, with --wait, for the start [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When one of the VMs doesn't shut down, or doesn't start.
pub async fn run(args: RestartArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let by = stop_by(args.force, args.timeout, context)?;
    let wait = wait_for(args.wait, args.timeout, context)?;
    let names = args.selection.resolve(&session, context).await?;
    let mut batch = Batch::of(Doing::Restart);
    let power = session.power();
    batch.each(&names, |name| power.restart(name, by, wait.as_ref())).await;
    batch.finish(context, args.selection.names.len() == 1, |vm| {
        context.ui.outcome(&vm.name, format!("{} is {}\n", vm.name, vm.state))
    })
}
