use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render;
use crate::config;
use crate::problem::{ErrorKind, Problem};

/// The flags of `template check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 2 when there is a mistake.\n\nExample:\n  vmtools template check web\n  vmtools template check ./web.toml"
)]
pub struct CheckArgs {
    /// The template's name, or a file: with a slash in it, or ending in .toml
    #[arg(value_name = "NAME|FILE")]
    pub template: String,
}

/// # Errors
/// When the template has mistakes, is not there, or can't be read.
pub fn run(args: CheckArgs, context: &Context) -> Result<ExitCode, Problem> {
    let checked = config::check_template(&context.paths, &args.template)?;
    if context.ui.json() {
        let problem = |problem: &config::Problem| {
            let at = problem.at.as_ref();
            serde_json::json!({
                "file": at.map(|at| &at.file),
                "line": at.map(|at| at.line),
                "column": at.map(|at| at.column),
                "message": problem.message,
            })
        };
        context.ui.data_json(&serde_json::json!({
            "name": checked.name,
            "valid": checked.problems.is_empty(),
            "problems": checked.problems.iter().map(problem).collect::<Vec<_>>(),
        }));
    } else {
        context.ui.data(&render::problems(&checked));
    }
    let mistakes = match checked.problems.len() {
        0 => return Ok(ExitCode::SUCCESS),
        1 => "a mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    Err(Problem::new(ErrorKind::Usage, format!("the template {} has {mistakes}", checked.name)))
}
