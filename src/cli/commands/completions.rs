use std::process::ExitCode;

use clap::Args;
use clap_complete::env::Shells;

use crate::cli::complete;
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
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell.to_string())
        .ok_or_else(|| Problem::usage("no such shell", "see `vmtools help completions`"))?;
    // Written into memory, which does not fail.
    let _ = shell.write_registration(complete::VARIABLE, "vmtools", "vmtools", "vmtools", &mut script);
    if args.shell == clap_complete::Shell::Zsh {
        // A file of zsh's function path is the function itself, and runs at the first completion.
        script.extend_from_slice(
            b"[[ $funcstack[1] != _vmtools ]] || _clap_dynamic_completer_vmtools \"$@\"\n",
        );
    }
    context.ui.data_bytes(&script);
    Ok(ExitCode::SUCCESS)
}
