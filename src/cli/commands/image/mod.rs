//! The noun `image`: one file per verb.

mod import;
mod list;

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
    /// Make an image of a file: qcow2, raw, VMDK, VDI, VHDX, OVA
    Import(import::ImportArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: ImageArgs, context: &Context) -> Result<Code, Complaint> {
    match args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Import(args) => import::run(args, context).await,
    }
}
