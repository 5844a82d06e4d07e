use std::process::ExitCode;

use clap::Args;

use crate::cli::commands::{exec, ssh};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render;
use crate::cli::session::Session;
use crate::manager::{
    Error, ExecRequest, PowerAfter, RevertRequest, SnapshotRequest, SnapshotSelection, VmError,
};
use crate::model::{SnapshotName, Timestamp, VmState};
use crate::problem::Problem;

/// Run a command in a VM, then revert the VM.
#[derive(Debug, Args)]
#[command(
    after_help = "vmtools creates a snapshot of the running VM, runs CMD over ssh or through the guest agent, reverts \
                  the VM to the snapshot and deletes the snapshot, even if CMD fails or is interrupted. The exit status \
                  is that of CMD.\
                  \n\nExamples:\
                  \n  vmtools snapshot run web -- make test\
                  \n  vmtools snapshot run web --keep-on-failure -- ./install.sh"
)]
pub struct RunArgs {
    /// VM name or UUID
    #[arg(value_name = "VM", add = complete::active_vms())]
    pub vm: String,
    /// Run CMD through the guest agent instead of ssh
    #[arg(long)]
    pub agent: bool,
    /// User to log in as [default: the user the VM was created with]
    #[arg(long, value_name = "USER", conflicts_with = "agent")]
    pub user: Option<String>,
    /// Leave the memory out of the snapshot; the VM reboots afterwards
    #[arg(long)]
    pub no_memory: bool,
    /// If CMD fails, do not revert the VM, and keep the snapshot
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Command to run
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// # Errors
/// When there can be no snapshot, CMD can't be run, or the VM can't be reverted.
pub async fn run(args: RunArgs, context: &Context) -> Result<ExitCode, Problem> {
    let about = |error: Error| Problem::from(error).about(&args.vm);
    let session = context.session().await?;
    let status = session.vms().status(&args.vm).await.map_err(about)?;
    if status.state != VmState::Running {
        return Err(about(VmError::NotRunning { name: status.name }.into()));
    }
    let request = SnapshotRequest {
        name: Some(name()?),
        description: Some("created by `snapshot run`".to_owned()),
        memory: args.no_memory.then_some(false),
        ..SnapshotRequest::default()
    };
    let snapshot = session.snapshots().create(&args.vm, &request).await.map_err(about)?.name;
    let ended = run_command(&args, &session, context).await;
    // Whoever has interrupted the command has not interrupted what follows.
    drop(session);
    let session = context.reader().await?;
    let failed = !matches!(ended, Ok(0));
    if failed && args.keep_on_failure {
        context.ui.note(&format!(
            "{} was not reverted; revert it with {}",
            args.vm,
            crate::problem::vmtools("snapshot revert").arg(&args.vm).arg(&snapshot)
        ));
        return ended.map(ExitCode::from);
    }
    match (ended, revert(&session, context, &args.vm, &snapshot).await) {
        (ended, Ok(())) => ended.map(ExitCode::from),
        (Ok(_), Err(problem)) => Err(problem),
        (Err(first), Err(problem)) => {
            context.ui.error(&first);
            Err(problem)
        }
    }
}

async fn run_command(args: &RunArgs, session: &Session, context: &Context) -> Result<u8, Problem> {
    if args.agent {
        let request = ExecRequest { command: args.command.clone(), stdin: Vec::new(), timeout: None };
        return exec::execute(session, context, &args.vm, &request).await;
    }
    ssh::run_remote(session, context, &args.vm, args.user.as_deref(), &args.command).await
}

async fn revert(session: &Session, context: &Context, vm: &str, snapshot: &str) -> Result<(), Problem> {
    let request = RevertRequest {
        vm: vm.to_owned(),
        snapshot: snapshot.to_owned(),
        power: PowerAfter::Auto,
        keeps_config: false,
        discards_saved: true,
        save_first: None,
    };
    let about = |error: Error| Problem::from(error).about(vm);
    let reverted = session.reverts().revert(&request).await.map_err(about)?;
    context.ui.note(render::reverted(&reverted).trim_end());
    let selection = SnapshotSelection { names: vec![snapshot.to_owned()], ..SnapshotSelection::default() };
    let plan = session.snapshots().plan_deletion(vm, &selection).await.map_err(about)?;
    let mut deleted = Ok(());
    let keep = |_: &str, result: Result<_, Error>| {
        deleted = result.map(drop);
        true
    };
    session.snapshots().delete_each(plan, keep).await;
    deleted.map_err(about)
}

/// A name by the time, that no other run has.
fn name() -> Result<SnapshotName, Problem> {
    let time = Timestamp::now().to_string().replace(['-', ':'], "");
    Ok(format!("run-{time}-{}", std::process::id()).parse::<SnapshotName>()?)
}
