use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::batch::Batch;
use super::create::describe;
use super::start::wait_for;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{CloneMode, CloneRequest};
use crate::model::{Condition, VmName, parse_duration};
use crate::problem::Problem;

/// Fork a running VM.
#[derive(Debug, Args)]
#[command(
    after_help = "The new VM continues where the running one was: the same programs run, with the same memory and\
                  \na copy of the disks. The running VM is not stopped. The new one gets its own UUID, MAC and IP\
                  \naddresses, host name, machine-id, ssh host key, cloud-init instance and random seed.\
                  \n\nNot kept: open network connections. Shared: everything in memory, secrets included, such as keys\
                  \nand tokens of running programs, and the boot id until the next reboot.\
                  \n\nThe guest needs Python 3, and the guest agent or a user who can log in over ssh and use sudo.\
                  \n\nExamples:\
                  \n  vmtools fork web web-debug --wait"
)]
pub struct ForkArgs {
    /// VM to fork; it must be running
    #[arg(value_name = "SOURCE", add = complete::active_vms())]
    pub source: String,
    /// Name of the new VM
    pub name: VmName,
    /// Wait for ip, ssh, agent, cloud-init or port=N [default: the best the VM supports]
    #[arg(long, value_name = "COND", num_args = 0..=1, require_equals = true)]
    wait: Option<Option<Condition>>,
    /// Time to wait [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

/// # Errors
/// When the fork can't be made; what was begun is rolled back.
pub async fn run(args: ForkArgs, context: &Context) -> Result<ExitCode, Problem> {
    let wait = wait_for(args.wait, args.timeout, context)?;
    let session = context.session().await?;
    let request = CloneRequest {
        source: args.source,
        name: args.name,
        mode: CloneMode::Fork,
        keep_identity: false,
        start: true,
        wait,
    };
    let mut batch = Batch::new();
    batch.take(request.name.as_str(), session.clone_vm(&request).await);
    batch.finish(context, true, describe)
}
