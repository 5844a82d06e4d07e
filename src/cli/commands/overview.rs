use std::process::ExitCode;

use crate::cli::context::Context;
use crate::cli::render::{self, Overview};
use crate::manager::Error;
use crate::model::VmState;
use crate::problem::Problem;

/// Shows what exists and what to do next, for `vmtools` without a command. That libvirt does not answer is a part of
/// the answer, not a failure: this is what a newcomer runs first.
///
/// # Errors
/// When the configuration can't be read, or on Ctrl-C.
pub async fn run(context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let mut overview = Overview {
        version: env!("CARGO_PKG_VERSION"),
        uri: session.uri().to_string(),
        libvirt_error: None,
        vm_count: 0,
        running: Vec::new(),
        stopped: Vec::new(),
        image_count: session.images().names().await.map_or(0, |names| names.len() as u64),
    };
    match session.vms().states().await {
        Ok(states) => {
            overview.vm_count = states.len() as u64;
            for (name, state) in states {
                match state {
                    VmState::Running => overview.running.push(name),
                    state if !state.is_active() => overview.stopped.push(name),
                    _ => {}
                }
            }
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted.into()),
        Err(error) => overview.libvirt_error = Some(Problem::from(error).message),
    }
    context.ui.show(&overview, render::overview);
    Ok(ExitCode::SUCCESS)
}
