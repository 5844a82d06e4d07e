//! The noun `snapshot`: one file per verb.

mod create;
mod delete;
mod existing;
mod list;
mod nvram;
mod revert;
mod run;
mod set;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::help::{self, NounHelpArgs};
use crate::cli::context::Context;
use crate::problem::Problem;

/// Manage snapshots of VMs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vmtools snapshot create web --name clean\n  vmtools snapshot revert web clean"
)]
pub struct SnapshotArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create snapshots
    Create(create::CreateArgs),
    /// List snapshots
    List(list::ListArgs),
    /// Show detailed information about a snapshot
    Show(show::ShowArgs),
    /// Change the description, expiry or pin of snapshots
    Set(set::SetArgs),
    /// Revert a VM to a snapshot
    Revert(revert::RevertArgs),
    /// Run a command in a VM, then revert the VM
    Run(run::RunArgs),
    /// Delete snapshots
    Delete(delete::DeleteArgs),
    /// Show the help of a subcommand
    #[command(hide = true)]
    Help(NounHelpArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: SnapshotArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::Create(args) => create::run(args, context).await,
        Verb::List(args) => list::run(args, context).await,
        Verb::Show(args) => show::run(args, context).await,
        Verb::Set(args) => set::run(args, context).await,
        Verb::Revert(args) => revert::run(args, context).await,
        Verb::Run(args) => run::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
        Verb::Help(args) => help::run_of_noun("snapshot", args),
    }
}

/// A description; XML has no way to hold other control characters.
fn description(text: &str) -> Result<String, String> {
    match text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        true => Err("control characters other than line breaks and tabs are not allowed".to_owned()),
        false => Ok(text.to_owned()),
    }
}
