use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::show;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::parse_duration;
use crate::problem::Problem;

/// Remove a disk from a VM, and delete it if it was created for the VM.
#[derive(Debug, Args)]
#[command(visible_alias = "rm", after_help = "Examples:\n  vmtools disk remove web vdb --keep")]
pub struct RemoveArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Disk, as shown by `disk list`
    #[arg(value_name = "DISK")]
    pub target: String,
    /// Keep the disk's file
    #[arg(long)]
    pub keep: bool,
    /// Time to wait for a running guest to release the disk
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,
}

/// # Errors
/// When the VM needs the disk, the guest does not release it, or nobody may answer the question.
pub async fn run(args: RemoveArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let plan = session.disks().plan_removal(&args.name, &args.target, args.keep).await?;
    if plan.deletes && !context.yes {
        let path = plan.disk.path.as_deref().unwrap_or_default();
        if !context.ui.can_ask() {
            return Err(Problem::usage(
                format!("deleting {path} needs confirmation, but there is no terminal to ask on"),
                "--yes deletes it without asking; --keep keeps the file",
            ));
        }
        let question = format!("Delete {path} and everything on it?");
        context.ui.confirm(session.interrupt(), "", &question, "nothing was removed").await?;
    }
    let (deletes, on_next_start) = (plan.deletes, plan.on_next_start);
    let changed = session.disks().remove(plan, args.timeout).await?;
    if on_next_start {
        context.ui.note(&format!("{} keeps {} until it shuts down", changed.vm, changed.disk.target));
    }
    Ok(show(&changed, if deletes { "removed and deleted" } else { "removed" }, context))
}
