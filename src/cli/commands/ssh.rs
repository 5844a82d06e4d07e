use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::manager::Error;
use crate::problem::Problem;

/// Log in to a VM over ssh, or run a command in it.
#[derive(Debug, Args)]
#[command(
    after_help = "The words of CMD are joined with spaces and run by the user's shell in the guest, as plain ssh does. \
                  The exit status is that of CMD, or 255 if the connection fails. SIGINT, SIGTERM and SIGHUP are \
                  passed on to the command.\
                  \n\nExamples:\
                  \n  vmtools ssh web\
                  \n  vmtools ssh web -- uname -a\
                  \n  tar c . | vmtools ssh web -- tar x -C /tmp"
)]
pub struct SshArgs {
    /// VM name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
    /// User to log in as [default: the user the VM was created with]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Command to run instead of a login shell
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// A session, or a command at a terminal, is ssh's own: this process becomes it. A command without one is
/// waited for, and gets the signals that come meanwhile.
///
/// # Errors
/// When the VM is shut off or has no address, or ssh isn't there.
pub async fn run(args: SshArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let about = |error: Error| Problem::from(error).about(&args.name);
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if tty || args.command.is_empty() {
        return Err(about(session.guest().become_ssh(&args.name, args.user.as_deref(), &args.command).await));
    }
    run_remote(&session, context, &args.name, args.user.as_deref(), &args.command).await.map(ExitCode::from)
}

/// Runs a command to its end, and passes on the signals that come meanwhile. Gives its exit status.
///
/// # Errors
/// When the VM is shut off or has no address, or ssh isn't there.
pub async fn run_remote(
    session: &Session,
    context: &Context,
    name: &str,
    user: Option<&str>,
    command: &[String],
) -> Result<u8, Problem> {
    let about = |error: Error| Problem::from(error).about(name);
    let mut remote = session.guest().remote(name, user, command).await.map_err(about)?;
    let signal = tokio::select! {
        status = remote.wait() => return status.map_err(|error| about(error.into())),
        signal = signals::next() => signal,
    };
    let passed = async {
        if let Err(error) = remote.signal(signal).await {
            context.ui.warn(&format!("{error}; it may still be running"));
            return Ok(signal.status());
        }
        remote.wait().await
    };
    let status = tokio::select! {
        status = passed => status,
        // Asked twice: the connection goes, whatever the command does.
        again = signals::next() => Ok(again.status()),
    };
    status.map_err(|error| about(error.into()))
}
