//! The noun `image`: one file per verb.

mod commit;
mod import;
mod info;
mod list;
mod prune;
mod pull;
mod rm;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::problem::Problem;

/// The verbs of `image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List images
    List(list::ListArgs),
    /// Fetch an image, or what is new of it
    Pull(pull::PullArgs),
    /// Make an image of a file: qcow2, raw, VMDK, VDI, VHDX, OVA
    Import(import::ImportArgs),
    /// Make an image of a VM that is off: its system disk
    Commit(commit::CommitArgs),
    /// Show all there is to know of an image
    Info(info::InfoArgs),
    /// Remove images that nothing needs, by name
    Rm(rm::RmArgs),
    /// Remove all images that nothing needs
    Prune(prune::PruneArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: ImageArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Pull(args) => pull::run(args, context).await,
        Verb::Import(args) => import::run(args, context).await,
        Verb::Commit(args) => commit::run(args, context).await,
        Verb::Info(args) => info::run(args, context).await,
        Verb::Rm(args) => rm::run(args, context).await,
        Verb::Prune(args) => prune::run(args, context).await,
    }
}
