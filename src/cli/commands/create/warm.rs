//! The states that VMs are started from, as far as `create` makes them.

use std::ffi::OsString;
use std::process::ExitCode;

use super::CreateArgs;
use crate::cli::commands::batch::Batch;
use crate::cli::context::Context;
use crate::cli::input::gives_once;
use crate::cli::render;
use crate::cli::session::Session;
use crate::manager::{Error, VmSpec, VmStatus, WarmError, host_cpus};
use crate::problem::{Doing, Problem};

/// The flag by which this program makes a state in the background.
const ONLY_STATE: &str = "--only-state";

impl CreateArgs {
    /// Those of a state for VMs of which nothing is said.
    ///
    /// # Errors
    /// Never: the words are known.
    pub fn for_state() -> Result<Self, Problem> {
        /// A command line that has nothing but these.
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            create: CreateArgs,
        }
        let line = <Line as clap::Parser>::try_parse_from(["create", "warm", ONLY_STATE]);
        Ok(line.map_err(|error| Problem::usage(error.to_string(), ""))?.create)
    }
}

/// Saves the state from which VMs with these arguments are started.
///
/// # Errors
/// When there can be none, or it could not be made; what was begun is rolled back.
pub async fn make_state_for(args: &CreateArgs, context: &Context) -> Result<ExitCode, Problem> {
    let config = context.config()?;
    let template = super::load_template(args, &config, context)?;
    let spec = super::spec(args, template.as_ref(), &config, None, None, context)?;
    let session = context.session().await?;
    let made = session.warm_states().make(&spec).await;
    let image = made.map_err(|error| Problem::during(Doing::Create, error))?;
    context.ui.finish();
    context.ui.show(&image, render::image);
    Ok(ExitCode::SUCCESS)
}

/// Creates several VMs that go on from one state, as many at a time as this host has CPUs. Where there is no state
/// one is made first: all but the first VM gain by that.
pub(super) async fn create_all(
    args: &CreateArgs,
    specs: &[VmSpec],
    session: &Session,
    context: &Context,
    batch: &mut Batch<VmStatus>,
) {
    let Some(first) = specs.first() else { return };
    match session.warm_states().make(first).await {
        Err(error @ Error::Interrupted) => {
            batch.take(first.name.as_str(), Err(error));
            return;
        }
        // Each VM says why it boots.
        Err(Error::Warm(WarmError::NotPossible { .. })) | Ok(_) => {}
        Err(error) => context.ui.warn(&format!("no warm state is saved: {error}")),
    }
    let lanes = usize::try_from(host_cpus()).unwrap_or(1).min(specs.len());
    let lanes: Vec<Session> = (0..lanes).map(|_| session.beside()).collect();
    let make = |lane, spec| super::make(args, spec, lane, context);
    batch.in_lanes(specs, |spec: &VmSpec| spec.name.as_str(), &lanes, make).await;
}

/// A process that makes a state while its user goes on.
pub(super) struct Background {
    /// Whether another process could read all that this one has read.
    is_possible: bool,
    is_started: bool,
}

impl Background {
    pub(super) fn new(args: &CreateArgs) -> Self {
        let is_possible = !args.user_data.as_ref().is_some_and(|file| gives_once(file));
        Self { is_possible, is_started: false }
    }

    /// Starts it, if the VM was booted for want of a state. It does what this command would have done.
    pub(super) fn start_if_wanted(&mut self, vm: &VmStatus, context: &Context) {
        if self.is_started || !vm.warm_reason.is_some_and(|reason| reason.wants_state()) {
            return;
        }
        if !self.is_possible {
            context.ui.note("no warm state is saved: the user-data came from a pipe; give it as a file");
            return;
        }
        self.is_started = true;
        // Behind the verb's own arguments there may be none of another command's.
        let arguments: Vec<OsString> =
            std::env::args_os().skip(1).chain([OsString::from(ONLY_STATE)]).collect();
        match context.run_in_background("warm.log", &arguments) {
            Ok(()) => {
                context.ui.note("a warm state is being saved in the background; the next VM starts from it")
            }
            Err(problem) => context.ui.warn(&format!("no warm state is saved: {}", problem.message)),
        }
    }
}
