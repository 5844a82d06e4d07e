use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Generate shell completions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools completions bash > ~/.local/share/bash-completion/completions/vmtools")]
pub struct CompletionsArgs {
    /// Shell to generate completions for
    pub shell: clap_complete::Shell,
}

/// # Errors
/// None.
pub fn run(args: CompletionsArgs, context: &Context) -> Result<ExitCode, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vmtools", &mut script);
    context.ui.data_bytes(&script);
    Ok(ExitCode::SUCCESS)
}
