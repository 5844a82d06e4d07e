use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::help;
use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::problem::Problem;

/// Generate shell completions.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vmtools completions bash > ~/.local/share/bash-completion/completions/vmtools"
)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// # Errors
/// None.
pub fn run(args: CompletionsArgs, context: &Context) -> Result<ExitCode, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vmtools", &mut script);
    if args.shell == Shell::Fish {
        script.extend(help_in_fish().into_bytes());
    }
    context.ui.data_bytes(&script);
    Ok(ExitCode::SUCCESS)
}

/// For fish, clap_complete leaves out what an argument without a flag may be.
fn help_in_fish() -> String {
    let line = |word: clap::builder::PossibleValue| {
        let summary = word.get_help().map(|help| help.to_string().replace('\\', "\\\\").replace('\'', "\\'"));
        format!(
            "complete -c vmtools -n \"__fish_vmtools_using_subcommand help\" -f -a \"{}\" -d '{}'\n",
            word.get_name(),
            summary.unwrap_or_default()
        )
    };
    help::words().into_iter().map(line).collect()
}
