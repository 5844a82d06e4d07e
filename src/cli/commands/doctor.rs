use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::CheckStatus;
use crate::problem::{ErrorKind, Problem};

/// The flags of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exits with 9 when a check failed.\n\nExample:\n  vmtools doctor")]
pub struct DoctorArgs {}

/// # Errors
/// When the configuration can't be read.
pub async fn run(_args: DoctorArgs, context: &Context) -> Result<ExitCode, Problem> {
    let checks = context.reader().await?.doctor().await;
    if context.ui.json() {
        context.ui.data_json(&checks);
    } else {
        context.ui.data(&render::checks(&checks));
    }
    let failed = checks.iter().any(|check| check.status == CheckStatus::Failure);
    Ok(if failed { ErrorKind::Incapable.into() } else { ExitCode::SUCCESS })
}
