//! The vmtools program: parse, run, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    vmtools::cli::main()
}
