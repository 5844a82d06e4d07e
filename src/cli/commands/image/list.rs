use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;
use crate::cli::render;
use crate::manager::available_images;

/// The flags of `image list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools image list --available ubuntu")]
pub struct ListArgs {
    /// Those that the catalogue offers
    #[arg(long, required = true)]
    pub available: bool,
    /// Those whose names hold this
    #[arg(value_name = "FILTER", requires = "available")]
    pub filter: Option<String>,
}

/// # Errors
/// When the catalogue can't be read.
pub async fn run(args: ListArgs, context: &Context) -> Result<Code, Complaint> {
    let images = available_images(&context.paths, args.filter.as_deref())?;
    if context.ui.json() {
        context.ui.data_json(&images);
    } else {
        context.ui.data(&render::available_images(&images));
    }
    Ok(Code::Ok)
}
