use std::process::ExitCode;

use clap::{ArgGroup, Args};

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::SnapshotSettings;
use crate::model::TimeToLive;
use crate::problem::Problem;

/// Change a snapshot's description, expiry or pin.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true),
    after_help = "Examples:\
                  \n  vmtools snapshot set web clean --pin\
                  \n  vmtools snapshot set web clean --expires 7d --description 'until the release'"
)]
pub struct SetArgs {
    /// VM name or UUID
    #[arg(value_name = "VM", add = complete::vms())]
    pub vm: String,
    /// Snapshot name
    #[arg(value_name = "SNAPSHOT", add = complete::snapshots())]
    pub name: String,
    /// Description; an empty one removes it
    #[arg(long, value_name = "TEXT", value_parser = super::description, group = "change")]
    pub description: Option<String>,
    /// Time from now after which `gc` deletes the snapshot, or `none` for never
    #[arg(long, value_name = "DURATION", group = "change")]
    pub expires: Option<TimeToLive>,
    /// Keep the snapshot until it is unpinned: it does not expire, and only --force deletes it
    #[arg(long, group = "change")]
    pub pin: bool,
    /// Let the snapshot expire and be deleted again
    #[arg(long, conflicts_with = "pin", group = "change")]
    pub unpin: bool,
}

/// # Errors
/// When the VM has no such snapshot, or libvirt refuses.
pub async fn run(args: SetArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let settings = SnapshotSettings {
        description: args.description,
        expires: args.expires,
        pinned: (args.pin || args.unpin).then_some(args.pin),
    };
    let snapshot = session.snapshots().set(&args.vm, &args.name, &settings).await;
    let snapshot = snapshot.map_err(|error| Problem::from(error).about(&args.vm))?;
    context
        .ui
        .show(&snapshot, |snapshot| context.ui.outcome(&snapshot.name, render::snapshot_changed(snapshot)));
    Ok(ExitCode::SUCCESS)
}
