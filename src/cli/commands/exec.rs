use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{End, Error, ExecError, ExecRequest, Executed, INPUT_LIMIT};
use crate::model::parse_duration;
use crate::problem::{ErrorKind, Problem};

/// The status of a program that isn't there, and of one that can't be started, as shells have it.
const NO_SUCH_PROGRAM: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Run a command in a VM through its guest agent, without any network.
#[derive(Debug, Args)]
#[command(
    after_help = "CMD's words go to the program as they are, without a shell; it runs as the agent's user, usually root. The exit status is CMD's own: 128 and the signal's number when one ended it, 127 when there is no such program.\n\nThe agent gives what CMD printed when it ends, at most 3 MiB, and takes at most 128 KiB of input; `vmtools ssh` streams and has no bounds. Ctrl-C and --timeout end CMD in the guest.\n\nExample:\n  vmtools exec web -- systemctl is-active nginx\n  echo 'date; id' | vmtools exec -i web -- sh -s"
)]
pub struct ExecArgs {
    /// The VM's name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
    /// Give CMD the standard input, which is read to its end first
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// When to end CMD [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// The command
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// # Errors
/// When the VM is shut off, or its agent isn't there.
pub async fn run(args: ExecArgs, context: &Context) -> Result<ExitCode, Problem> {
    let stdin = if args.stdin { read_stdin()? } else { Vec::new() };
    let session = context.session().await?;
    let request = ExecRequest { command: args.command, stdin, timeout: args.timeout };
    let done = match session.agent().exec(&args.name, &request).await {
        Ok(done) => done,
        Err(error @ Error::Exec(ExecError::NotStarted { missing, .. })) => {
            context.ui.error(&Problem::from(error).about(&args.name));
            return Ok(ExitCode::from(if missing { NO_SUCH_PROGRAM } else { NOT_STARTED }));
        }
        Err(error) => return Err(Problem::from(error).about(&args.name)),
    };
    context.ui.show(&done, |_| String::new());
    if let Some(exit) = &done.exit {
        if !context.ui.json() {
            context.ui.data_bytes(&exit.stdout);
            // It is the command's own, and stays as it is.
            let _ = std::io::stderr().lock().write_all(&exit.stderr);
        }
        if exit.truncated {
            context.ui.warn("the agent kept only the beginning of what the command printed");
        }
    }
    match unfinished(&done, &request) {
        Some(problem) => Err(problem.about(&args.name)),
        None => Ok(ExitCode::from(done.exit_code().unwrap_or(u8::MAX))),
    }
}

/// What is to be said of a command that did not end by itself.
fn unfinished(done: &Executed, request: &ExecRequest) -> Option<Problem> {
    let left = if done.exit.is_some() { "was ended" } else { "could not be ended, and may still run" };
    match done.end {
        End::Exited => None,
        End::Stopped => {
            Some(Problem::new(ErrorKind::Interrupted, format!("interrupted; the command {left}")))
        }
        End::TimedOut => {
            let timeout = humantime::format_duration(request.timeout.unwrap_or_default());
            Some(Problem::new(
                ErrorKind::Timeout,
                format!("the command did not end within {timeout} and {left}"),
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
        .map_err(|error| Problem::io("cannot read the standard input", &error))?;
    Ok(bytes)
}
