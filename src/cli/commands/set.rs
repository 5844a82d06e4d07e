use std::process::ExitCode;

use clap::{ArgGroup, Args};

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::VmChange;
use crate::model::{DiskSize, Label, MemorySize, TimeToLive};
use crate::problem::Problem;

/// Change a VM's memory, vCPUs, disk size, labels, time to live or autostart.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true),
    after_help = "Changes to a running VM take effect at once where possible: memory and vCPUs up to the limits in its \
                  definition (`create --max-memory`, `--max-cpus`), and a larger disk. Other changes take effect at its \
                  next start, as the output then says. The guest sees a larger disk at once; with cloud-init, its next \
                  boot grows the file system.\
                  \n\nExamples:\
                  \n  vmtools set web -m 4G -c 4 && vmtools restart web\
                  \n  vmtools set web --label team=a --unlabel ci --ttl 2h"
)]
pub struct SetArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Memory size in MiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE", group = "change")]
    pub memory: Option<MemorySize>,
    /// Number of vCPUs
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096), group = "change")]
    pub cpus: Option<u32>,
    /// Size of the first disk in GiB, or with K, M, G, T; a disk can only grow
    #[arg(short, long, value_name = "SIZE", group = "change")]
    pub disk_size: Option<DiskSize>,
    /// Label to set (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE", group = "change")]
    pub label: Vec<Label>,
    /// Key of a label to remove (repeatable)
    #[arg(long, value_name = "KEY", group = "change", add = complete::label_keys())]
    pub unlabel: Vec<String>,
    /// Time from now after which `gc` deletes the VM, or `none` for never
    #[arg(long, value_name = "DURATION", group = "change")]
    pub ttl: Option<TimeToLive>,
    /// Enable autostart
    #[arg(long, group = "change")]
    pub autostart: bool,
    /// Disable autostart
    #[arg(long, conflicts_with = "autostart", group = "change")]
    pub no_autostart: bool,
}

/// # Errors
/// When the VM isn't there, or can't be changed so.
pub async fn run(args: SetArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let change = VmChange {
        memory: args.memory,
        cpus: args.cpus,
        disk_size: args.disk_size,
        label: args.label,
        unlabel: args.unlabel,
        autostart: (args.autostart || args.no_autostart).then_some(args.autostart),
        ttl: args.ttl,
    };
    let changed = session.changes().set(&args.name, &change).await;
    let changed = changed.map_err(|error| Problem::from(error).about(&args.name))?;
    context.ui.show(&changed, render::changed);
    Ok(ExitCode::SUCCESS)
}
