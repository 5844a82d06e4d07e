use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::WaitFor;
use crate::model::{Condition, parse_duration};
use crate::problem::Problem;

/// Wait until a VM meets a condition.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools wait web --for ssh --for port=80 --timeout 2m")]
pub struct WaitArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// ip, ssh, agent, cloud-init, stopped or port=N (repeatable) [default: the best the VM supports]
    #[arg(long = "for", value_name = "COND", value_delimiter = ',')]
    pub conditions: Vec<Condition>,
    /// Time to wait for all conditions together [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// # Errors
/// When it times out, or the VM stops meanwhile.
pub async fn run(args: WaitArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let timeout = match args.timeout {
        Some(timeout) => timeout,
        None => context.config()?.wait.timeout,
    };
    let wait = WaitFor { conditions: args.conditions, timeout };
    let status = session
        .guest()
        .wait(&args.name, &wait)
        .await
        .map_err(|error| Problem::from(error).about(&args.name))?;
    context.ui.show(&status, |_| String::new());
    Ok(ExitCode::SUCCESS)
}
