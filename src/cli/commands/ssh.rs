use std::io::IsTerminal;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;

/// The flags of `ssh`.
#[derive(Debug, Args)]
#[command(
    after_help = "The exit status is the guest command's own; 255: no connection.\n\nExample:\n  vmtools ssh web\n  vmtools ssh web -- uname -a\n  tar c . | vmtools ssh web -- tar x -C /tmp"
)]
pub struct SshArgs {
    /// The VM's name or UUID
    pub name: String,
    /// The user to log in as [default: the one that the VM was made with]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// A command to run there, instead of a shell
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// Becomes ssh, so that exit status, input and signals are the guest command's own.
///
/// # Errors
/// When the VM is off or has no address, or ssh isn't there.
pub async fn run(args: SshArgs, context: &Context) -> Result<Code, Complaint> {
    let manager = context.manager().await?;
    let about = |error: crate::manager::Error| Complaint::from(error).about(&args.name);
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let arguments =
        manager.ssh_arguments(&args.name, args.user.as_deref(), tty, &args.command).await.map_err(about)?;
    let never = manager.become_ssh(arguments).await;
    Err(about(never))
}
