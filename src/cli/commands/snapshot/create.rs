use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::nvram::offer_conversion;
use crate::cli::commands::batch::Batch;
use crate::cli::commands::selection::Selection;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{Quiesce, SnapshotRequest};
use crate::model::{SnapshotName, parse_duration};
use crate::problem::Problem;

/// Create snapshots of VMs, running or not.
#[derive(Debug, Args)]
#[command(
    after_help = "A running VM's snapshot includes its memory, if saving that pauses the guest for less than 30 \
                  seconds; with --no-memory, or --quiesce yes, it has the disks only, and the guest is not paused. \
                  All disks that the guest writes to must be qcow2 files.\
                  \n\nExamples:\
                  \n  vmtools snapshot create web --name clean --description 'before the upgrade'\
                  \n  vmtools snapshot create -l ci=nightly --no-memory --expires 48h"
)]
pub struct CreateArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Name of the snapshot [default: auto-TIME]
    #[arg(long, value_name = "SNAPSHOT")]
    pub name: Option<SnapshotName>,
    /// Description
    #[arg(long, value_name = "TEXT", value_parser = super::description)]
    pub description: Option<String>,
    /// Include the memory of a running VM, however long the guest is paused for it
    #[arg(long, conflicts_with_all = ["no_memory", "quiesce"])]
    pub memory: bool,
    /// Do not include the memory
    #[arg(long)]
    pub no_memory: bool,
    /// Freeze the guest's file systems while its disks are saved; needs the guest agent
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub quiesce: WhenToQuiesce,
    /// Time from now after which `gc` deletes the snapshot
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub expires: Option<Duration>,
    /// Keep the snapshot until it is unpinned: it does not expire, and only --force deletes it
    #[arg(long)]
    pub pin: bool,
}

/// When a guest's file systems are frozen.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum WhenToQuiesce {
    /// If the guest agent can
    #[default]
    Auto,
    /// Always; without it, no snapshot is created
    Yes,
    /// Never
    No,
}

/// # Errors
/// When one of the VMs can't have a snapshot; what was begun is rolled back.
pub async fn run(args: CreateArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let names = args.selection.resolve(&session, context).await?;
    let single = args.selection.names.len() == 1;
    let request = SnapshotRequest {
        name: args.name,
        description: args.description,
        memory: (args.memory || args.no_memory).then_some(args.memory),
        quiesce: match args.quiesce {
            WhenToQuiesce::Auto => Quiesce::Auto,
            WhenToQuiesce::Yes => Quiesce::Yes,
            WhenToQuiesce::No => Quiesce::No,
        },
        expires: args.expires,
        pinned: args.pin,
    };
    let mut batch = Batch::new();
    for name in &names {
        if let Err(problem) = offer_conversion(&session, context, name).await {
            batch.fail(problem);
            continue;
        }
        if !batch.take(name, session.snapshots().create(name, &request).await) {
            break;
        }
    }
    batch.finish(context, single, render::snapshot_created)
}
