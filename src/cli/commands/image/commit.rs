use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::ImageCommit;
use crate::problem::Problem;

/// Create an image from the system disk of a shut-off VM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools stop web && vmtools image commit web web-ready\
                  \n  vmtools create web2 --image web-ready --start --wait")]
pub struct CommitArgs {
    /// VM name or UUID; the VM must be shut off
    #[arg(add = complete::vms())]
    pub vm: String,
    /// Name of the new image
    pub name: String,
    /// Replace an existing image of that name
    #[arg(long)]
    pub replace: bool,
}

/// # Errors
/// When the VM is not off, or its disk can't be copied; what was begun is rolled back.
pub async fn run(args: CommitArgs, context: &Context) -> Result<ExitCode, Problem> {
    let request = ImageCommit { vm: args.vm, name: args.name, replace: args.replace };
    let session = context.session().await?;
    let image =
        session.images().commit(&request).await.map_err(|error| Problem::from(error).about(&request.vm))?;
    context.ui.show(&image, |image| format!("committed {} as {}\n", request.vm, image.name));
    Ok(ExitCode::SUCCESS)
}
