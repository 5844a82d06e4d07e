use std::process::ExitCode;

use clap::Args;

use super::show;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::DiskSize;
use crate::problem::Problem;

/// Enlarge a disk, even while the VM runs.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest sees the new size at once. Most cloud images grow their file system at the next boot; in \
                  other guests, grow the partition and the file system yourself.\
                  \n\nExamples:\
                  \n  vmtools disk resize web vda 40"
)]
pub struct ResizeArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Disk, as shown by `disk list`
    #[arg(value_name = "DISK")]
    pub target: String,
    /// New size in GiB, or with K, M, G, T; a disk can only grow
    pub size: DiskSize,
}

/// # Errors
/// When the disk would shrink, or libvirt or QEMU refuses.
pub async fn run(args: ResizeArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let changed = session.disks().resize(&args.name, &args.target, args.size).await?;
    Ok(show(&changed, &format!("resized to {}", args.size), context))
}
