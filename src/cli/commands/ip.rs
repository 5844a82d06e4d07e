use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::Problem;

/// Print a VM's IP addresses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  curl http://$(vmtools ip web)/")]
pub struct IpArgs {
    /// VM name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
}

/// # Errors
/// When the VM is shut off, or has no address yet.
pub async fn run(args: IpArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let endpoint =
        session.guest().endpoint(&args.name).await.map_err(|error| Problem::from(error).about(&args.name))?;
    context.ui.show(&endpoint, |endpoint| endpoint.ips.iter().map(|ip| format!("{ip}\n")).collect());
    if !endpoint.published.is_empty() {
        let ports = endpoint.published.iter().map(render::published).collect::<Vec<_>>().join(", ");
        context.ui.note(&format!("published ports of {}: {ports}", endpoint.name));
    }
    Ok(ExitCode::SUCCESS)
}
