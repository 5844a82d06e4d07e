use std::process::ExitCode;

use clap::Args;

use crate::cli::commands::create::{CreateArgs, make_state_for};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::model::{DiskSize, Firmware, MemorySize};
use crate::problem::Problem;

/// Save a running state from which `create --warm` starts VMs.
///
/// A VM is created, booted and set up by cloud-init, then its memory is saved and the VM removed. `create --warm` with the
/// same image, template and options continues from there, with a name, keys and addresses of its own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools image warm ubuntu\
                  \n  vmtools image warm --template ci -m 4G\
                  \n  vmtools create job --template ci -m 4G --warm --start --wait")]
pub struct WarmArgs {
    /// Image: a catalogue name, a file or a URL [default: the template's]
    #[arg(value_name = "IMAGE", required_unless_present = "template", add = complete::any_image())]
    pub image: Option<String>,
    /// Template of the VMs
    #[arg(short, long, add = complete::templates())]
    pub template: Option<String>,
    /// Memory size in MiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE")]
    pub memory: Option<MemorySize>,
    /// Number of vCPUs
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub cpus: Option<u32>,
    /// Disk size in GiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE")]
    pub disk_size: Option<DiskSize>,
    /// User to create and log in as [default: the image's]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// cloud-init user-data; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<std::path::PathBuf>,
    /// Firmware: bios, efi or efi-secure
    #[arg(long)]
    pub firmware: Option<Firmware>,
}

/// # Errors
/// When such VMs can't be started from a state, or it could not be made; what was begun is rolled back.
pub async fn run(args: WarmArgs, context: &Context) -> Result<ExitCode, Problem> {
    let WarmArgs { image, template, memory, cpus, disk_size, user, user_data, firmware } = args;
    let all = CreateArgs::for_state()?;
    let create = CreateArgs { image, template, memory, cpus, disk_size, user, user_data, firmware, ..all };
    make_state_for(&create, context).await
}
