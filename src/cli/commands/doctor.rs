use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::CheckStatus;
use crate::problem::{ErrorKind, Problem, doctor};

/// Check that this host can run VMs, and show how to fix what is missing.
#[derive(Debug, Args)]
#[command(after_help = "Exits with status 9 if a check fails.\
                  \n\nExamples:\
                  \n  vmtools doctor")]
pub struct DoctorArgs {}

/// # Errors
/// When the configuration can't be read.
pub async fn run(_args: DoctorArgs, context: &Context) -> Result<ExitCode, Problem> {
    let checks = context.reader().await?.doctor().await;
    let reports: Vec<_> = checks.iter().map(doctor::report).collect();
    context.ui.show(reports.as_slice(), render::checks);
    let failed = checks.iter().any(|check| check.status == CheckStatus::Failure);
    Ok(if failed { ErrorKind::Incapable.into() } else { ExitCode::SUCCESS })
}
