use std::process::ExitCode;

use clap::Args;

use super::{note_when, show};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Eject the ISO from a VM's CD-ROM drive.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools disk eject web")]
pub struct EjectArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Drive, as shown by `disk list`, if the VM has several
    #[arg(long, value_name = "DISK")]
    pub target: Option<String>,
    /// Eject even if the guest has locked the drive
    #[arg(short, long)]
    pub force: bool,
}

/// # Errors
/// When there is no drive, or the guest has locked it.
pub async fn run(args: EjectArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let changed = session.disks().eject(&args.name, args.target.as_deref(), args.force).await?;
    note_when(&changed, context);
    Ok(show(&changed, "is now empty", context))
}
