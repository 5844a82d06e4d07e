use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::manager::{End, Error, ExecError, ExecRequest, Executed, INPUT_LIMIT};
use crate::model::parse_duration;
use crate::problem::{ErrorKind, Problem};

/// The status of a program that isn't there, and of one that can't be started, as shells have it.
const NO_SUCH_PROGRAM: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Run a command in a VM through the guest agent, without a network.
#[derive(Debug, Args)]
#[command(
    after_help = "CMD is run directly, without a shell, as the agent's user, usually root. The exit status is that of \
                  CMD: 128 plus the signal's number if a signal killed it, 127 if there is no such program.\
                  \n\nThe agent returns the output when CMD exits, at most 3 MiB, and accepts at most 128 KiB of input; \
                  `vmtools ssh` streams both without a limit. Ctrl-C and --timeout terminate CMD in the guest.\
                  \n\nExamples:\
                  \n  vmtools exec web -- systemctl is-active nginx\
                  \n  echo 'date; id' | vmtools exec -i web -- sh -s"
)]
pub struct ExecArgs {
    /// VM name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
    /// Read standard input to its end, then run CMD with it
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// Terminate CMD after this time [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Command to run
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// # Errors
/// When the VM is shut off, or its agent isn't there.
pub async fn run(args: ExecArgs, context: &Context) -> Result<ExitCode, Problem> {
    let stdin = if args.stdin { read_stdin()? } else { Vec::new() };
    let session = context.session().await?;
    let request = ExecRequest { command: args.command, stdin, timeout: args.timeout };
    execute(&session, context, &args.name, &request).await.map(ExitCode::from)
}

/// Runs a command to its end and shows what it printed. Gives its exit status.
///
/// # Errors
/// When the VM is shut off, or its agent isn't there.
pub async fn execute(
    session: &Session,
    context: &Context,
    name: &str,
    request: &ExecRequest,
) -> Result<u8, Problem> {
    let done = match session.agent().exec(name, request).await {
        Ok(done) => done,
        Err(error @ Error::Exec(ExecError::NotStarted { missing, .. })) => {
            context.ui.error(&Problem::from(error).about(name));
            return Ok(if missing { NO_SUCH_PROGRAM } else { NOT_STARTED });
        }
        Err(error) => return Err(Problem::from(error).about(name)),
    };
    context.ui.show(&done, |_| String::new());
    if let Some(exit) = &done.exit {
        if !context.ui.json() {
            context.ui.data_bytes(&exit.stdout);
            // It is the command's own, and stays as it is.
            let _ = std::io::stderr().lock().write_all(&exit.stderr);
        }
        if exit.truncated {
            context.ui.warn("the guest agent kept only the beginning of the output");
        }
    }
    match unfinished(&done, request) {
        Some(problem) => Err(problem.about(name)),
        None => Ok(done.exit_code().unwrap_or(u8::MAX)),
    }
}

/// What is to be said of a command that did not end by itself.
fn unfinished(done: &Executed, request: &ExecRequest) -> Option<Problem> {
    let left = if done.exit.is_some() {
        "was terminated"
    } else {
        "could not be terminated and may still be running"
    };
    match done.end {
        End::Exited => None,
        End::Stopped => {
            Some(Problem::new(ErrorKind::Interrupted, format!("interrupted; the command {left}")))
        }
        End::TimedOut => {
            let timeout = humantime::format_duration(request.timeout.unwrap_or_default());
            Some(Problem::new(
                ErrorKind::Timeout,
                format!("the command timed out after {timeout} and {left}"),
            ))
        }
    }
}

fn read_stdin() -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    // One byte more than may be, so that too much is seen.
    std::io::stdin()
        .lock()
        .take(INPUT_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::io("cannot read standard input", &error))?;
    Ok(bytes)
}
