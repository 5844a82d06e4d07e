use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::PullRequest;
use crate::model::Digest;
use crate::problem::{Doing, Problem};

/// Download an image, or update it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools image pull debian-13\
                  \n  vmtools image pull https://example.org/disk.qcow2.xz --checksum sha256:HEX --name mine")]
pub struct PullArgs {
    /// Catalogue name or http(s) URL; .xz, .gz, .zst and .bz2 files are decompressed
    #[arg(value_name = "REF", add = complete::catalog())]
    pub reference: String,
    /// Name for the image
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Checksum of the file at the URL: sha256:HEX or sha512:HEX
    #[arg(long, value_name = "DIGEST")]
    pub checksum: Option<Digest>,
    /// Allow an https download without a checksum to verify it
    #[arg(long, conflicts_with = "checksum")]
    pub insecure_no_checksum: bool,
}

/// # Errors
/// When the image can't be had.
pub async fn run(args: PullArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let request = PullRequest {
        reference: args.reference,
        name: args.name,
        checksum: args.checksum,
        takes_unvouched: args.insecure_no_checksum,
    };
    let image = session.images().pull(&request).await.map_err(|error| Problem::during(Doing::Pull, error))?;
    context.ui.finish();
    context.ui.show(&image, render::pulled_image);
    Ok(ExitCode::SUCCESS)
}
