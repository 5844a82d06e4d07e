//! The noun `template`: one file per verb.

mod check;
mod list;
mod new;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::config::Origin;
use crate::problem::Problem;

/// The verbs of `template`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vmtools template list\n  vmtools template new web --from ubuntu\n  vmtools template check web"
)]
pub struct TemplateArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List templates
    List(list::ListArgs),
    /// Show what a template comes to, and where each value stands
    Show(show::ShowArgs),
    /// Make a template of your own, out of another or of a VM
    New(new::NewArgs),
    /// Look through a template for mistakes
    Check(check::CheckArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: TemplateArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => list::run(args, context),
        Verb::Show(args) => show::run(args, context),
        Verb::New(args) => new::run(args, context).await,
        Verb::Check(args) => check::run(args, context),
    }
}

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built-in".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}
