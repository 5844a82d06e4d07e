use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::config::{self, NewTemplate};
use crate::problem::Problem;

/// Create a template from another one or from a VM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools template new web --from ubuntu\
                  \n  vmtools template new like-web --from web")]
pub struct NewArgs {
    /// Name of the new template
    pub name: String,
    /// Template to extend, or VM whose values to copy
    #[arg(long, value_name = "VM|TEMPLATE")]
    pub from: Option<String>,
}

/// # Errors
/// When the name is taken or can't be one, there is neither such a template nor such a VM, or the file
/// can't be written.
pub async fn run(args: NewArgs, context: &Context) -> Result<ExitCode, Problem> {
    let paths = &context.paths;
    config::check_template_name(&args.name)?;
    let path = match &args.from {
        None => config::new_template(paths, &args.name, NewTemplate::Empty)?,
        Some(from) if config::has_template(paths, from) => {
            config::new_template(paths, &args.name, NewTemplate::Extending(from))?
        }
        Some(vm) => {
            let session = context.session().await?;
            if session.vms().find(vm).await?.is_none() {
                return Err(Problem::neither_template_nor_vm(vm));
            }
            let template = session.changes().template_of(vm).await?;
            config::new_template(paths, &args.name, NewTemplate::WithSettings(&template))?
        }
    };
    let document = serde_json::json!({ "name": args.name, "path": path });
    context.ui.show(&document, |_| format!("{}\n", path.display()));
    Ok(ExitCode::SUCCESS)
}
