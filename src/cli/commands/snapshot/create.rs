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
use crate::problem::{ErrorKind, Problem};

/// Create snapshots.
#[derive(Debug, Args)]
#[command(
    after_help = "The snapshot of a running VM includes its memory if saving it pauses the guest for less than 30 \
                  seconds. With --no-memory or --quiesce yes it includes only the disks, and the guest is not paused. \
                  All writable disks must be qcow2 files.\
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
    /// Description of the snapshot
    #[arg(long, value_name = "TEXT", value_parser = super::description)]
    pub description: Option<String>,
    /// Include the memory of a running VM, however long that pauses the guest
    #[arg(long, conflicts_with_all = ["no_memory", "quiesce"])]
    pub memory: bool,
    /// Leave out the memory of a running VM
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
    /// If the guest agent answers
    #[default]
    Auto,
    /// Always; fail without the guest agent
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
        let goes_on = match offer_conversion(&session, context, name).await {
            Ok(()) => batch.take(name, session.snapshots().create(name, &request).await),
            Err(problem) => {
                let goes_on = problem.kind != ErrorKind::Interrupted;
                batch.fail(problem);
                goes_on
            }
        };
        if !goes_on {
            break;
        }
    }
    batch.finish(context, single, render::snapshot_created)
}
