use std::process::ExitCode;

use clap::Args;

use super::show;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::DiskSize;
use crate::problem::Problem;

/// Enlarge a disk, of a running VM too.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest sees the room at once. Most cloud images fill it at their next boot; elsewhere\n\
                  grow the partition and the file system in the guest.\n\n\
                  Example:\n  vmtools disk resize web vda 40"
)]
pub struct ResizeArgs {
    /// The VM
    #[arg(add = complete::vms())]
    pub name: String,
    /// The disk, as `disk list` calls it
    #[arg(value_name = "DISK")]
    pub target: String,
    /// Its new size; without a unit GiB. Disks only grow
    pub size: DiskSize,
}

/// # Errors
/// When the disk would shrink, or libvirt or QEMU refuses.
pub async fn run(args: ResizeArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let changed = session.disks().resize(&args.name, &args.target, args.size).await?;
    Ok(show(&changed, &format!("has {}", args.size), context))
}
