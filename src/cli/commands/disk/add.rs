use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{note_when, show};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{DiskSource, NewDisk};
use crate::model::DiskSize;
use crate::problem::Problem;

/// Add a disk to a VM, even while it runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools disk add web 20\
                  \n  vmtools disk add web --file data.qcow2 --read-only")]
pub struct AddArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Size of a new, empty disk in GiB, or with K, M, G, T; deleted with the VM
    #[arg(required_unless_present = "file")]
    pub size: Option<DiskSize>,
    /// Attach an existing qcow2 or raw file instead; kept when the VM is deleted
    #[arg(long, value_name = "FILE", conflicts_with = "size")]
    pub file: Option<PathBuf>,
    /// Attach the disk read-only
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
            return Err(Problem::usage(
                "a size or --file is needed",
                "for example `vmtools disk add web 20`",
            ));
        }
    };
    let session = context.session().await?;
    let changed = session.disks().add(&args.name, &NewDisk { source, read_only: args.read_only }).await?;
    note_when(&changed, context);
    Ok(show(&changed, "added", context))
}
