use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::manager::{ImageImport, import_image, user_image};
use crate::problem::Problem;

/// Import an image file: qcow2, raw, VMDK, VDI, VHDX, OVA.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools image import ./appliance.ova appliance --user admin\
                  \n  vmtools create web --image appliance --start")]
pub struct ImportArgs {
    /// File to import: qcow2, raw, VMDK, VDI, VHDX or OVA
    pub file: PathBuf,
    /// Name of the new image
    pub name: String,
    /// Format of the file, instead of detecting it
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// Replace an existing image of that name
    #[arg(long)]
    pub replace: bool,
    /// User to log in as
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// A format that a file's header need not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Raw disk image
    Raw,
}

/// # Errors
/// When the file is no image that can be trusted, or there is not enough space for it; then nothing is left of it.
pub async fn run(args: ImportArgs, context: &Context) -> Result<ExitCode, Problem> {
    let request = ImageImport {
        file: args.file,
        name: args.name,
        raw: args.format == Some(FileFormat::Raw),
        replace: args.replace,
        user: args.user,
    };
    let task = context.task();
    let name = request.name.clone();
    import_image(&context.paths, request, &task).await?;
    let image = user_image(&context.paths, &name, &task).await?;
    context.ui.show(&image, |image| format!("imported {}\n", image.name));
    Ok(ExitCode::SUCCESS)
}
