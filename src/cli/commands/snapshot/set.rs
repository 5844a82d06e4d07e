use std::process::ExitCode;

use clap::{ArgGroup, Args};

use super::existing::Existing;
use crate::cli::commands::batch::Batch;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::SnapshotSettings;
use crate::model::TimeToLive;
use crate::problem::Problem;

/// Change the description, expiry or pin of snapshots.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true),
    override_usage = "vmtools snapshot set [OPTIONS] <VM> <SNAPSHOT>...\
                      \n       vmtools snapshot set [OPTIONS] <VM>... --snapshot <SNAPSHOT>",
    after_help = "Examples:\
                  \n  vmtools snapshot set web clean --pin\
                  \n  vmtools snapshot set web clean --expires 7d --description 'until the release'\
                  \n  vmtools snapshot set -l ci=nightly --snapshot clean --unpin"
)]
pub struct SetArgs {
    /// The snapshots
    #[command(flatten)]
    pub existing: Existing,
    /// Description of the snapshot; an empty one removes it
    #[arg(long, value_name = "TEXT", value_parser = super::description, group = "change")]
    pub description: Option<String>,
    /// Time from now after which `gc` deletes the snapshot, or `none` for never
    #[arg(long, value_name = "DURATION", group = "change")]
    pub expires: Option<TimeToLive>,
    /// Keep the snapshot until it is unpinned: it does not expire, and only --force deletes it
    #[arg(long, group = "change")]
    pub pin: bool,
    /// Remove the pin
    #[arg(long, conflicts_with = "pin", group = "change")]
    pub unpin: bool,
}

/// # Errors
/// When a VM has no such snapshot, or libvirt refuses.
pub async fn run(args: SetArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let settings = SnapshotSettings {
        description: args.description,
        expires: args.expires,
        pinned: (args.pin || args.unpin).then_some(args.pin),
    };
    let chosen = args.existing.resolve(&session, context).await?;
    let mut batch = Batch::new();
    let each = chosen.vms.iter().flat_map(|vm| chosen.snapshots.iter().map(move |name| (vm, name)));
    for (vm, name) in each {
        if !batch.take(vm, session.snapshots().set(vm, name, &settings).await) {
            break;
        }
    }
    let single = chosen.single_vm && chosen.snapshots.len() == 1;
    batch.finish(context, single, |snapshot| {
        context.ui.outcome(&snapshot.name_of_vm(), render::snapshot_changed(snapshot))
    })
}
