//! The noun `image`: one file per verb.

mod list;
mod pull;

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;

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
}

/// # Errors
/// The verb's failure.
pub async fn run(args: ImageArgs, context: &Context) -> Result<Code, Complaint> {
    match args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Pull(args) => pull::run(args, context).await,
    }
}
