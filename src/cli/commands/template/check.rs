use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::{self, CheckDocument};
use crate::config;
use crate::model::counted;
use crate::problem::{ErrorKind, Problem};

/// Check a template for mistakes.
#[derive(Debug, Args)]
#[command(after_help = "Exits with status 2 if there is a mistake.\
                  \n\nExamples:\
                  \n  vmtools template check web\
                  \n  vmtools template check ./web.toml")]
pub struct CheckArgs {
    /// Template name, or a file: a path with a slash, or one that ends in .toml
    #[arg(value_name = "NAME|FILE", add = complete::templates())]
    pub template: String,
}

/// # Errors
/// When the template has mistakes, is not there, or can't be read.
pub fn run(args: CheckArgs, context: &Context) -> Result<ExitCode, Problem> {
    let checked = config::check_template(&context.paths, &args.template)?;
    context.ui.show(&CheckDocument::of(&checked), |_| render::problems(&checked));
    if checked.problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mistakes = counted(checked.problems.len() as u64, "mistake");
    Err(Problem::new(ErrorKind::Usage, format!("the template {} has {mistakes}", checked.name)))
}
