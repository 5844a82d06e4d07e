//! The noun `image`: one file per verb.

mod commit;
mod import;
mod info;
mod list;
mod prune;
mod pull;
mod rm;
mod warm;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::help::{self, NounHelpArgs};
use crate::cli::context::Context;
use crate::problem::Problem;

/// Manage images.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools image pull debian-13\n  vmtools image list")]
pub struct ImageArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List images
    List(list::ListArgs),
    /// Download an image, or update it
    Pull(pull::PullArgs),
    /// Import an image file: qcow2, raw, VMDK, VDI, VHDX, OVA
    Import(import::ImportArgs),
    /// Create an image from the system disk of a shut-off VM
    Commit(commit::CommitArgs),
    /// Save a running state from which `create --warm` starts VMs
    Warm(warm::WarmArgs),
    /// Show detailed information about an image
    Info(info::InfoArgs),
    /// Remove unused images by name
    Rm(rm::RmArgs),
    /// Remove all unused images
    Prune(prune::PruneArgs),
    /// Show the help of a subcommand
    #[command(hide = true)]
    Help(NounHelpArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: ImageArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Pull(args) => pull::run(args, context).await,
        Verb::Import(args) => import::run(args, context).await,
        Verb::Commit(args) => commit::run(args, context).await,
        Verb::Warm(args) => warm::run(args, context).await,
        Verb::Info(args) => info::run(args, context).await,
        Verb::Rm(args) => rm::run(args, context).await,
        Verb::Prune(args) => prune::run(args, context).await,
        Verb::Help(args) => help::run_of_noun("image", args),
    }
}
