use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::problem::Problem;

/// Generate man pages.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Directory to write to, created if it does not exist
    pub dir: PathBuf,
}

/// # Errors
/// When the folder can't be written.
pub fn run(args: ManArgs) -> Result<ExitCode, Problem> {
    let write = || {
        std::fs::create_dir_all(&args.dir)?;
        clap_mangen::generate_to(Cli::command(), &args.dir)
    };
    write().map_err(|error| Problem::io(format!("cannot write to {}", args.dir.display()), &error))?;
    Ok(ExitCode::SUCCESS)
}
