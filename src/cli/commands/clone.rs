use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use super::create::describe;
use super::new_vms::NewVms;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{CloneMode, CloneRequest};
use crate::model::VmName;
use crate::problem::{Doing, Problem};

/// Clone a VM.
#[derive(Debug, Args)]
#[command(
    after_help = "A full clone is independent of its source. The disks of a linked clone are overlays on its source's \
                  disks: while a linked clone exists, vmtools neither deletes nor starts the source. virsh does start \
                  it, and what the source then writes corrupts its linked clones. With --keep-identity, the two \
                  VMs cannot be on the same network.\
                  \n\nExamples:\
                  \n  vmtools clone web web2 --start --wait\
                  \n  vmtools clone golden ci --linked --count 5 --start"
)]
pub struct CloneArgs {
    /// VM to clone; it must be shut off unless --live is given
    #[arg(value_name = "SOURCE", add = complete::vms())]
    pub source: String,
    /// Name of the new VM
    pub name: VmName,
    /// Create overlays on the source's disks instead of copying them: fast, and needs no space
    #[arg(long, conflicts_with = "live")]
    pub linked: bool,
    /// Clone a running VM at one moment; the guest agent, if it answers, freezes the file systems
    #[arg(long)]
    pub live: bool,
    /// Keep the source's host name, machine-id, ssh host keys and network addresses in the guest
    #[arg(long)]
    pub keep_identity: bool,
    /// How many, and what is done with them then.
    #[command(flatten)]
    pub new: NewVms,
}

/// # Errors
/// When a clone can't be made; what was begun is rolled back.
pub async fn run(args: CloneArgs, context: &Context) -> Result<ExitCode, Problem> {
    let wait = args.new.wait_for(context)?;
    let names = args.new.names(&args.name)?;
    let session = context.session().await?;
    let mode = match (args.linked, args.live) {
        (true, _) => CloneMode::Linked,
        (_, true) => CloneMode::Live,
        _ => CloneMode::Full,
    };
    let mut batch = Batch::of(Doing::Clone);
    for name in names {
        let request = CloneRequest {
            source: args.source.clone(),
            name,
            mode,
            keep_identity: args.keep_identity,
            start: args.new.start,
            wait: wait.clone(),
        };
        if !batch.take(request.name.as_str(), session.clone_vm(&request).await) {
            break;
        }
    }
    batch.finish(context, args.new.count.is_none(), describe)
}
