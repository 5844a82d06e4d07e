use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{note_when, show};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Insert an ISO into a VM's CD-ROM drive.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools disk insert web debian-13.iso")]
pub struct InsertArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// ISO file to insert
    pub iso: PathBuf,
    /// Drive, as shown by `disk list`, if the VM has several
    #[arg(long, value_name = "DISK")]
    pub target: Option<String>,
    /// Insert even if the guest has locked the drive
    #[arg(short, long)]
    pub force: bool,
}

/// # Errors
/// When the ISO or the drive is not there, or the guest has locked it.
pub async fn run(args: InsertArgs, context: &Context) -> Result<ExitCode, Problem> {
    let iso = std::path::absolute(&args.iso).unwrap_or(args.iso);
    let session = context.session().await?;
    let changed = session.disks().insert(&args.name, &iso, args.target.as_deref(), args.force).await?;
    note_when(&changed, context);
    Ok(show(&changed, "now has the ISO", context))
}
