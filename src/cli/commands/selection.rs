use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::manager::VmSelection;
use crate::model::Label;
use crate::problem::Problem;

/// The VMs that a verb is for.
#[derive(Debug, Args)]
pub struct Selection {
    /// VM names or UUIDs
    #[arg(
        value_name = "NAME",
        required_unless_present_any = ["all", "label"],
        conflicts_with_all = ["all", "label"],
        add = complete::selected_vms()
    )]
    pub names: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

/// VMs by what they have in common, for verbs that take names as well.
#[derive(Debug, Args)]
pub struct Filter {
    /// Select all VMs that vmtools created
    #[arg(long, conflicts_with = "label")]
    all: bool,
    /// Select VMs with this label (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE", add = complete::labels())]
    label: Vec<Label>,
}

impl Selection {
    /// The names, each once.
    pub async fn resolve(&self, session: &Session, context: &Context) -> Result<Vec<String>, Problem> {
        self.filter.resolve(&self.names, session, context).await
    }
}

impl Filter {
    /// Whether VMs are selected by it.
    pub fn is_given(&self) -> bool {
        self.all || !self.label.is_empty()
    }

    /// The names of the VMs that it selects, or else these, each once.
    pub async fn resolve(
        &self,
        names: &[String],
        session: &Session,
        context: &Context,
    ) -> Result<Vec<String>, Problem> {
        let selection = match (self.all, self.label.is_empty()) {
            (true, _) => VmSelection::All,
            (false, false) => VmSelection::Labels(self.label.clone()),
            (false, true) => VmSelection::Names(names.to_vec()),
        };
        let mut seen = std::collections::HashSet::new();
        let mut names = session.vms().select(&selection).await?;
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() {
            context.ui.note("no VM matches");
        }
        Ok(names)
    }
}
