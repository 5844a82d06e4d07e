//! The command line: the only room that prints, prompts or exits.

mod args;
mod commands;
mod complete;
mod context;
mod exporter;
mod guide;
mod input;
mod logger;
mod question;
mod render;
mod screen;
mod session;
mod signals;
mod tty;
mod ui;
mod usage;

pub use args::{Cli, Command};

use std::process::ExitCode;

use clap::Parser;

use crate::problem::{ErrorKind, Problem};
use context::Context;
use ui::Ui;

/// Parses the command line, runs the verb, and gives its exit code.
pub fn main() -> ExitCode {
    match complete::answer() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => return report_clap(&error),
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_clap(&error),
    };
    logger::install(cli.global.verbose);
    cli.global.color.apply();
    let ui = std::sync::Arc::new(Ui::new(cli.global.quiet, cli.global.json));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.error(&Problem::new(ErrorKind::Failed, format!("cannot start: {error}")));
            return ErrorKind::Failed.into();
        }
    };
    let result = runtime.block_on(run(cli, std::sync::Arc::clone(&ui)));
    ui.finish();
    // A thread that still waits for a lock or a name server is not waited for.
    runtime.shutdown_background();
    match result.and_then(|code| ui.write_failure().map_or(Ok(code), Err)) {
        Ok(code) => code,
        Err(problem) => {
            ui.error(&problem);
            problem.kind.into()
        }
    }
}

async fn run(cli: Cli, ui: std::sync::Arc<Ui>) -> Result<ExitCode, Problem> {
    let context = Context::new(&cli.global, std::sync::Arc::clone(&ui))?;
    match cli.command {
        Some(command) => commands::run(command, &context).await,
        None => commands::overview::run(&context).await,
    }
}

/// clap's own message: help, the version, or what is wrong with the arguments; with `--json` that is also printed as
/// the object that every failure gives.
fn report_clap(error: &clap::Error) -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    if let Some(problem) = usage::problem(error, &words) {
        Ui::new(false, json).error(&problem);
        return problem.kind.into();
    }
    let printed = error.print().and_then(|()| std::io::Write::flush(&mut std::io::stdout()));
    if !error.use_stderr() {
        // Help and the version are data, as all that is written to stdout.
        return match printed.err().and_then(|error| ui::unwritten(&error)) {
            None => ExitCode::SUCCESS,
            Some(problem) => {
                Ui::new(false, json).error(&problem);
                problem.kind.into()
            }
        };
    }
    let hint = usage::hint(error, &words);
    if json {
        let message = error.to_string();
        // What is missing or wrong stands on lines of its own, up to an empty one.
        let lines: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = lines.join(" ").trim_start_matches("error: ").to_owned();
        let hint = hint.unwrap_or_else(|| "see `vmtools --help`".to_owned());
        Ui::new(false, true).error(&Problem::usage(message, hint));
    } else if let Some(hint) = hint {
        Ui::new(false, false).hint(&hint);
    }
    ErrorKind::Usage.into()
}
