use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::{self, Column};
use crate::manager::ListRequest;
use crate::model::Label;
use crate::problem::Problem;

/// List running VMs, or all VMs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools list --all --columns name,state,image,labels\
                  \n  vmtools list --all --json -l ci=nightly")]
pub struct ListArgs {
    /// Include VMs that are shut off
    #[arg(short, long)]
    pub all: bool,
    /// List only running VMs, not paused ones
    #[arg(short, long, conflicts_with = "all")]
    pub running: bool,
    /// List only VMs with this label (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE", add = complete::labels())]
    pub label: Vec<Label>,
    /// Columns to show
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',', default_values = ["name", "state", "cpus", "memory", "ip"])]
    pub columns: Vec<Column>,
}

/// # Errors
/// When libvirt can't be asked.
pub async fn run(args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let details = context.ui.json() || args.columns.iter().any(|column| column.needs_details());
    let request = ListRequest { all: args.all, running_only: args.running, labels: args.label, details };
    let vms = session.vms().list(&request).await?;
    context.ui.show(&vms, |vms| render::vms(vms, &args.columns));
    Ok(ExitCode::SUCCESS)
}
