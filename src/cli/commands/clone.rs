use std::process::ExitCode;

use clap::Args;

use super::create::describe;
use super::many::Many;
use super::new_vms::NewVms;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{CloneMode, CloneRequest};
use crate::model::VmName;
use crate::problem::{Doing, Problem};

/// Clone a VM.
#[derive(Debug, Args)]
#[command(
    after_help = "A full clone needs nothing of its source. A linked one stands on its source's disks: as long as it is\nthere, vmtools neither deletes nor starts the source. virsh does start it, and what the source then\nwrites damages its linked clones.\n\nExample:\n  vmtools clone web web2 --start --wait\n  vmtools clone golden ci --linked --count 5 --start"
)]
pub struct CloneArgs {
    /// The VM to copy; it has to be off, unless --live is given
    #[arg(value_name = "SOURCE", add = complete::vms())]
    pub source: String,
    /// The new VM's name
    pub name: VmName,
    /// Make its disks stand on the source's, which takes neither time nor room
    #[arg(long, conflicts_with = "live")]
    pub linked: bool,
    /// Copy a VM that runs, as its disks are at one moment; its agent, if it answers, holds writes back for it
    #[arg(long)]
    pub live: bool,
    /// Leave its guest what its source is: host name, machine-id, ssh host keys, network addresses. The two
    /// can't be on one network then
    #[arg(long)]
    pub keep_identity: bool,
    /// How many, and what is done with them then.
    #[command(flatten)]
    pub new: NewVms,
}

/// # Errors
/// When a clone can't be made; what was begun is taken back.
pub async fn run(args: CloneArgs, context: &Context) -> Result<ExitCode, Problem> {
    let wait = args.new.wait_for(context)?;
    let names = args.new.names(&args.name)?;
    let session = context.session().await?;
    let mode = match (args.linked, args.live) {
        (true, _) => CloneMode::Linked,
        (_, true) => CloneMode::Live,
        _ => CloneMode::Full,
    };
    let mut many = Many::of(Doing::Clone);
    for name in names {
        let request = CloneRequest {
            source: args.source.clone(),
            name,
            mode,
            keep_identity: args.keep_identity,
            start: args.new.start,
            wait: wait.clone(),
        };
        if !many.take(request.name.as_str(), session.clone_vm(&request).await) {
            break;
        }
    }
    many.finish(context, args.new.count.is_none(), describe)
}
