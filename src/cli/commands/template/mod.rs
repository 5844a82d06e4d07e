//! The noun `template`: one file per verb.

mod check;
mod list;
mod new;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::help::{self, NounHelpArgs};
use crate::cli::context::Context;
use crate::config::Origin;
use crate::problem::Problem;

/// Manage templates.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools template list\
                  \n  vmtools template new web --from ubuntu\
                  \n  vmtools template check web")]
pub struct TemplateArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List templates
    List(list::ListArgs),
    /// Show the resolved values of a template and where each is set
    Show(show::ShowArgs),
    /// Create a template from another one or from a VM
    New(new::NewArgs),
    /// Check a template for mistakes
    Check(check::CheckArgs),
    /// Show the help of a subcommand
    #[command(hide = true)]
    Help(NounHelpArgs),
}

/// # Errors
/// The verb's failure.
pub async fn run(args: TemplateArgs, context: &Context) -> Result<ExitCode, Problem> {
    match args.verb {
        Verb::List(args) => list::run(args, context),
        Verb::Show(args) => show::run(args, context),
        Verb::New(args) => new::run(args, context).await,
        Verb::Check(args) => check::run(args, context),
        Verb::Help(args) => help::run_of_noun("template", args),
    }
}

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built-in".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}
