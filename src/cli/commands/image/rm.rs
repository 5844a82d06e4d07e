use std::process::ExitCode;

use clap::Args;

use crate::cli::commands::batch::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::problem::{ErrorKind, Problem};

/// Remove unused images by name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools image rm appliance sha256:0b8c61")]
pub struct RmArgs {
    /// Image names or digest prefixes
    #[arg(value_name = "NAME", required = true, add = complete::images())]
    pub names: Vec<String>,
}

/// # Errors
/// When one of the images is not there, or a VM needs it.
pub async fn run(args: RmArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        match session.images().remove(name).await {
            Ok(removed) => batch.add(removed),
            Err(error) => {
                let problem = Problem::from(error);
                let interrupted = problem.kind == ErrorKind::Interrupted;
                batch.fail(problem);
                if interrupted {
                    break;
                }
            }
        }
    }
    batch.finish(context, args.names.len() == 1, render::removed_image)
}
