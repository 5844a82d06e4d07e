use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{note_when, show};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{DiskSource, NewDisk};
use crate::model::DiskSize;
use crate::problem::Problem;

/// Add a disk to a VM, at once if it runs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vmtools disk add web 20\n  vmtools disk add web --file data.qcow2 --read-only"
)]
pub struct AddArgs {
    /// The VM
    #[arg(add = complete::vms())]
    pub name: String,
    /// The size of a new, empty disk; without a unit GiB. It goes when the VM is deleted
    #[arg(required_unless_present = "file")]
    pub size: Option<DiskSize>,
    /// A file of yours instead, qcow2 or raw; it stays when the VM is deleted
    #[arg(long, value_name = "FILE", conflicts_with = "size")]
    pub file: Option<PathBuf>,
    /// The guest may only read it
    #[arg(long)]
    pub read_only: bool,
}

/// # Errors
/// When libvirt or QEMU refuses; then nothing is left of it.
pub async fn run(args: AddArgs, context: &Context) -> Result<ExitCode, Problem> {
    let source = match (args.file, args.size) {
        (Some(file), _) => DiskSource::File(std::path::absolute(&file).unwrap_or(file)),
        (None, Some(size)) => DiskSource::Empty(size),
        (None, None) => {
            return Err(Problem::usage("a disk has a size or a file", "such as `vmtools disk add web 20`"));
        }
    };
    let session = context.session().await?;
    let changed = session.disks().add(&args.name, &NewDisk { source, read_only: args.read_only }).await?;
    note_when(&changed, context);
    Ok(show(&changed, "is added", context))
}
