use std::process::ExitCode;

use clap::Args;

use super::confirmed::{Change, Question};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{NetworkStatus, SpeedupPlan};
use crate::problem::Problem;

/// Change networks.
#[derive(Debug, Args)]
#[command(
    after_help = "libvirt's own networks, `default` among them, make a new VM wait about seven seconds longer than \
                  necessary for its address: the bridge takes part in the Spanning Tree Protocol, and the DHCP server \
                  pings each address before it offers it. --fast turns off both. A network that running VMs use \
                  changes at its next start, any other at once.\
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
    let session = context.session().await?;
    let change = Change {
        names: &args.names,
        dry_run: args.dry_run,
        if_exists: false,
        render: render::speedup_plans,
        needs_answer: |plan: &SpeedupPlan| plan.removes.is_some(),
        question: Question {
            text: "Change?",
            refusal: "nothing was changed",
            no_terminal: "changing networks needs confirmation, but there is no terminal to ask on",
            hint: "--yes changes without asking; --dry-run shows what would be changed",
        },
    };
    let networks = session.networks();
    let plan = async |name: &str| networks.plan_speedup(name).await;
    let speed_up = async |plan| networks.speed_up(plan).await;
    let show = |status: &NetworkStatus| {
        let name = &status.network.name;
        let when = if status.network.lease_delay.is_some() { " at its next start" } else { "" };
        context.ui.outcome(name, format!("{name}: new VMs get their addresses without delay{when}\n"))
    };
    change.run(&session, context, plan, speed_up, show).await
}
