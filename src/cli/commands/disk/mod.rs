//! The noun `disk`: one file per verb.

mod add;
mod eject;
mod insert;
mod list;
mod remove;
mod resize;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::help::{self, NounHelpArgs};
use crate::cli::context::Context;
use crate::manager::ChangedDisk;
use crate::problem::Problem;

/// Manage a VM's disks and CD-ROM drives.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools disk add web 20\n  vmtools disk list web")]
pub struct DiskArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List a VM's disks and CD-ROM drives
    List(list::ListArgs),
    /// Add a disk to a VM, even while it runs
    Add(add::AddArgs),
    /// Enlarge a disk, even while the VM runs
    Resize(resize::ResizeArgs),
    /// Remove a disk from a VM, and delete it if it was created for the VM
    Remove(remove::RemoveArgs),
    /// Insert an ISO into a VM's CD-ROM drive
    Insert(insert::InsertArgs),
    /// Eject the ISO from a VM's CD-ROM drive
    Eject(eject::EjectArgs),
    /// Show the help of a subcommand
    #[command(hide = true)]
    Help(NounHelpArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: DiskArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Add(args) => add::run(args, context).await,
        Verb::Resize(args) => resize::run(args, context).await,
        Verb::Remove(args) => remove::run(args, context).await,
        Verb::Insert(args) => insert::run(args, context).await,
        Verb::Eject(args) => eject::run(args, context).await,
        Verb::Help(args) => help::run_of_noun("disk", args),
    }
}

/// Shows what was done: `web: vdb added (/pool/web-vdb.qcow2)`, and when it counts.
fn show(changed: &ChangedDisk, what: &str, context: &Context) -> ExitCode {
    context.ui.show(changed, |changed| {
        let path = changed.disk.path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
        let target = &changed.disk.target;
        context.ui.outcome(target, format!("{}: {target} {what}{path}\n", changed.vm))
    });
    ExitCode::SUCCESS
}

/// Says so when the change counts only later.
fn note_when(changed: &ChangedDisk, context: &Context) {
    if !changed.live {
        context.ui.note(&format!("this takes effect at the next start of {}", changed.vm));
    }
}
