//! Which snapshots a verb is for, of those that there are.

use clap::Args;

use crate::cli::commands::selection::Filter;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::problem::Problem;

/// Snapshots of one VM, by their names behind its own; or those of a name that several VMs have.
#[derive(Debug, Args)]
pub struct Existing {
    /// VM name or UUID
    #[arg(
        value_name = "VM",
        required_unless_present_any = ["all", "label"],
        conflicts_with_all = ["all", "label"],
        add = complete::vms()
    )]
    vm: Option<String>,
    /// Snapshot names; with --snapshot, further VMs
    #[arg(value_name = "SNAPSHOT", required_unless_present = "snapshot", add = complete::snapshots_or_vms())]
    names: Vec<String>,
    /// Snapshot name, the same on every VM (repeatable)
    #[arg(long, value_name = "SNAPSHOT", add = complete::snapshots())]
    snapshot: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

/// The VMs, and the snapshots that are meant of each.
pub struct Chosen {
    /// The VMs' names.
    pub vms: Vec<String>,
    /// The snapshots' names.
    pub snapshots: Vec<String>,
    /// Whether one VM was named, and nothing else could have been meant.
    pub single_vm: bool,
}

impl Existing {
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn resolve(self, session: &Session, context: &Context) -> Result<Chosen, Problem> {
        let (more_vms, snapshots) = match self.snapshot.is_empty() {
            true => (Vec::new(), self.names),
            false => (self.names, self.snapshot),
        };
        let named: Vec<String> = self.vm.into_iter().chain(more_vms).collect();
        let vms = self.filter.resolve(&named, session, context).await?;
        Ok(Chosen { vms, snapshots, single_vm: named.len() == 1 })
    }
}
