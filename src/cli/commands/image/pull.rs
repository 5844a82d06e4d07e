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
#[command(
    after_help = "Example:\n  vmtools image pull debian-13\n  vmtools image pull https://example.org/disk.qcow2.xz --checksum sha256:HEX --name mine"
)]
pub struct PullArgs {
    /// A name of the catalogue, or an http(s) URL; .xz .gz .zst .bz2 are unpacked
    #[arg(value_name = "REF", add = complete::catalog())]
    pub reference: String,
    /// Name the image, for --image and the other commands
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What the file at the URL must have: sha256:HEX or sha512:HEX
    #[arg(long, value_name = "DIGEST")]
    pub checksum: Option<Digest>,
    /// Take it by https though nothing tells whether it is the right one
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
