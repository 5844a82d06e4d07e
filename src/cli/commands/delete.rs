use clap::Args;

use super::many::Many;
use super::selection::Selection;
use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;
use crate::cli::render;
use crate::manager::{DeletePlan, VmManager};

/// The flags of `delete`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vmtools delete web            # shows what goes, and asks\n  vmtools delete --force -l ci=nightly"
)]
pub struct DeleteArgs {
    /// The VMs
    #[command(flatten)]
    pub selection: Selection,
    /// Stop it if it runs, and don't ask
    #[arg(short, long)]
    pub force: bool,
    /// Leave its disks
    #[arg(long)]
    pub keep_disks: bool,
    /// Show what would go, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A VM that isn't there is fine
    #[arg(long)]
    pub if_exists: bool,
}

/// # Errors
/// When one of the VMs can't be deleted, or nobody may answer the question.
pub async fn run(args: DeleteArgs, context: &Context) -> Result<Code, Complaint> {
    let asks = !(args.force || args.dry_run || context.yes);
    if asks && !context.ui.can_ask() {
        return Err(Complaint::usage(
            "deleting needs an answer, and there is no terminal to ask on",
            "--force or --yes deletes without asking; --dry-run shows what would go",
        ));
    }
    let manager = context.manager().await?;
    let names = args.selection.resolve(&manager).await?;
    let single = args.selection.names.len() == 1;
    let mut plans = Vec::new();
    let mut many = Many::new();
    for name in &names {
        match manager.plan_delete(name, args.keep_disks).await.map_err(Complaint::from) {
            Ok(plan) => plans.push(plan),
            Err(complaint) if args.if_exists && complaint.code == Code::NotFound => {
                context.ui.note(&format!("there is no VM {name}"));
            }
            Err(complaint) => many.fail(complaint.about(name)),
        }
    }
    if args.dry_run {
        show(&plans, single, context);
        return many.close(context);
    }
    if asks && !plans.is_empty() {
        context.ui.note(render::delete_plans(&plans).trim_end());
        if !context.ui.ask("Delete?") {
            return Err(Complaint::plain(Code::Failed, "nothing was deleted"));
        }
    }
    delete_all(&manager, plans, &mut many).await;
    many.finish(context, single, |vm| format!("deleted {}\n", vm.name))
}

async fn delete_all(manager: &VmManager, plans: Vec<DeletePlan>, many: &mut Many<crate::manager::Deleted>) {
    for plan in plans {
        let name = plan.name.clone();
        if !many.take(&name, manager.delete(plan).await) {
            break;
        }
    }
}

fn show(plans: &[DeletePlan], single: bool, context: &Context) {
    match (context.ui.json(), plans) {
        (true, [plan]) if single => context.ui.data_json(plan),
        (true, _) => context.ui.data_json(plans),
        (false, _) => context.ui.data(&render::delete_plans(plans)),
    }
}
