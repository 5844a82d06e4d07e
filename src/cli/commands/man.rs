use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;

/// The flags of `man`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The folder, made if it isn't there
    pub dir: PathBuf,
}

/// # Errors
/// When the folder can't be written.
pub fn run(args: ManArgs) -> Result<Code, Complaint> {
    let write = || {
        std::fs::create_dir_all(&args.dir)?;
        clap_mangen::generate_to(Cli::command(), &args.dir)
    };
    write().map_err(|error| {
        Complaint::plain(Code::Failed, format!("cannot write into {}: {error}", args.dir.display()))
    })?;
    Ok(Code::Ok)
}
