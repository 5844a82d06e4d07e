use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::manager::{PowerAfter, RevertRequest};
use crate::model::SnapshotName;
use crate::problem::Problem;

/// Revert a VM to a snapshot.
#[derive(Debug, Args)]
#[command(
    after_help = "What was written to the VM's disks since the snapshot is lost, unless --save-first saves it in \
                  another snapshot. Labels, protection and expiry of the VM are kept as they are now, and disks added \
                  since are detached, not deleted.\
                  \n\nWith a snapshot that includes the memory, the guest continues where it was, and its clock is set. \
                  Otherwise a running VM reboots, and a VM that is shut off stays shut off.\
                  \n\nExamples:\
                  \n  vmtools snapshot revert web clean     # shows what will be lost, and asks\
                  \n  vmtools snapshot revert web clean --save-first --yes"
)]
pub struct RevertArgs {
    /// VM name or UUID
    #[arg(value_name = "VM", add = complete::vms())]
    pub vm: String,
    /// Snapshot name
    #[arg(value_name = "SNAPSHOT", add = complete::snapshots())]
    pub snapshot: String,
    /// Start the VM afterwards
    #[arg(long)]
    pub start: bool,
    /// Leave the VM shut off afterwards
    #[arg(long, conflicts_with = "start")]
    pub off: bool,
    /// Configuration of the VM afterwards
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub config: ConfigOf,
    /// Create a snapshot of the current state first
    #[arg(long, value_name = "SNAPSHOT", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option, and its value, may be missing")]
    pub save_first: Option<Option<SnapshotName>>,
    /// Discard the saved state of the VM, if it has one
    #[arg(long)]
    pub discard_saved: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    pub dry_run: bool,
}

/// Which configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ConfigOf {
    /// As in the snapshot
    #[default]
    Then,
    /// As it is now
    Now,
}

/// # Errors
/// When the VM can't be reverted, or nobody may answer the question.
pub async fn run(args: RevertArgs, context: &Context) -> Result<ExitCode, Problem> {
    let asks = !(args.dry_run || context.yes);
    if asks && !context.ui.can_ask() {
        return Err(Problem::usage(
            "reverting needs confirmation, but there is no terminal to ask on",
            "--yes reverts without asking; --dry-run shows what would be done",
        ));
    }
    let session = context.session().await?;
    let about = |error| Problem::from(error).about(&args.vm);
    let request = RevertRequest {
        vm: args.vm.clone(),
        snapshot: args.snapshot,
        power: match (args.start, args.off) {
            (true, _) => PowerAfter::Start,
            (_, true) => PowerAfter::Off,
            _ => PowerAfter::Auto,
        },
        keeps_config: args.config == ConfigOf::Now,
        discards_saved: args.discard_saved,
        save_first: args.save_first,
    };
    if args.dry_run || asks {
        let plan = session.reverts().plan(&request).await.map_err(about)?;
        if args.dry_run {
            context.ui.show(&plan, render::revert_plan);
            return Ok(ExitCode::SUCCESS);
        }
        let shown = render::revert_plan(&plan);
        context.ui.confirm(session.interrupt(), &shown, "Revert?", "nothing was reverted").await?;
    }
    let reverted = session.reverts().revert(&request).await.map_err(about)?;
    context.ui.show(&reverted, render::reverted);
    Ok(ExitCode::SUCCESS)
}
