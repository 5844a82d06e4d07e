use std::process::ExitCode;

use clap::Args;

use super::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Change networks.
#[derive(Debug, Args)]
#[command(
    after_help = "libvirt's own networks, `default` among them, make a new VM wait about seven seconds longer than\
                  \nnecessary for its address: the bridge takes part in the Spanning Tree Protocol, and the DHCP server\
                  \npings each address before it offers it. --fast turns off both. A network that running VMs use\
                  \nchanges at its next start, any other at once.\
                  \n\nExamples:\
                  \n  vmtools network set default --fast            # shows what will be changed, and asks\
                  \n  vmtools network set default --fast --yes"
)]
pub struct SetArgs {
    /// Network names
    #[arg(value_name = "NAME", required = true, add = complete::networks())]
    pub names: Vec<String>,
    /// Give new VMs their addresses without delay
    #[arg(long, required = true)]
    pub fast: bool,
    /// Show what would be changed without changing it
    #[arg(long)]
    pub dry_run: bool,
}

/// # Errors
/// When a network can't be changed, or nobody may answer the question.
pub async fn run(args: SetArgs, context: &Context) -> Result<ExitCode, Problem> {
    let asks = !(args.dry_run || context.yes);
    if asks && !context.ui.can_ask() {
        return Err(Problem::usage(
            "changing networks needs confirmation, but there is no terminal to ask on",
            "--yes changes without asking; --dry-run shows what would be changed",
        ));
    }
    let session = context.session().await?;
    let single = args.names.len() == 1;
    let mut plans = Vec::new();
    let mut batch = Batch::new();
    for (index, name) in args.names.iter().enumerate() {
        if args.names[..index].contains(name) {
            continue;
        }
        match session.networks().plan_speedup(name).await {
            Ok(plan) => plans.push(plan),
            Err(error) => batch.fail(Problem::from(error)),
        }
    }
    if args.dry_run {
        context.ui.show_all(&plans, single, render::speedup_plans);
        return batch.close(context);
    }
    if asks && plans.iter().any(|plan| plan.removes.is_some()) {
        let shown = render::speedup_plans(&plans);
        let answer = context.ui.confirm(session.interrupt(), &shown, "Change?", "nothing was changed").await;
        if let Err(no) = answer {
            batch.fail(no);
            return batch.close(context);
        }
    }
    for plan in plans {
        if !batch.keep(session.networks().speed_up(plan).await) {
            break;
        }
    }
    batch.finish(context, single, |status| {
        let name = &status.network.name;
        let when = if status.network.lease_delay.is_some() { " at its next start" } else { "" };
        context.ui.outcome(name, format!("{name}: new VMs get their addresses without delay{when}\n"))
    })
}
