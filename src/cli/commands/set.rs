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
    after_help = "A VM that runs gets it at once as far as it can: memory and processors as far as its definition \
                  leaves room (`create --max-memory`, `--max-cpus`), a larger disk. The rest comes with its next start, and is said so. A disk that has \
                  grown is seen by the guest at once; where cloud-init is in it, its next boot grows the file system.\n\n\
                  Example:\n  vmtools set web -m 4G -c 4 && vmtools restart web\n  vmtools set web --label team=a --unlabel ci --ttl 2h"
)]
pub struct SetArgs {
    /// The VM
    #[arg(add = complete::vms())]
    pub name: String,
    /// Its memory: MiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE", group = "change")]
    pub memory: Option<MemorySize>,
    /// Its virtual processors
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096), group = "change")]
    pub cpus: Option<u32>,
    /// The size of its first disk, which may only grow: GiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE", group = "change")]
    pub disk_size: Option<DiskSize>,
    /// A label; may be given again
    #[arg(short, long, value_name = "KEY=VALUE", group = "change")]
    pub label: Vec<Label>,
    /// Take the label of this key away; may be given again
    #[arg(long, value_name = "KEY", group = "change", add = complete::label_keys())]
    pub unlabel: Vec<String>,
    /// Let `gc` remove it after this time from now on, or with `none` never
    #[arg(long, value_name = "DURATION", group = "change")]
    pub ttl: Option<TimeToLive>,
    /// Let libvirt start it by itself
    #[arg(long, group = "change")]
    pub autostart: bool,
    /// Don't
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
