//! The templates, offered to a person who named nothing to boot from.

use crate::cli::context::Context;
use crate::cli::render;
use crate::config;
use crate::model::VmName;
use crate::problem::Problem;

/// What Enter takes.
const DEFAULT: &str = "ubuntu";

/// Asks which template the VM is to be created from; those that cannot be read are not offered.
///
/// # Errors
/// When the input ends without an answer.
pub(super) fn template(vm: &VmName, context: &Context) -> Result<String, Problem> {
    let listed = config::list_templates(&context.paths).into_iter();
    let usable: Vec<(String, String)> = listed
        .filter_map(|listed| Some((listed.name, listed.template.ok()?.description.unwrap_or_default())))
        .collect();
    let names: Vec<&str> = usable.iter().map(|(name, _)| name.as_str()).collect();
    let default = names.iter().copied().find(|name| *name == DEFAULT);
    let question = format!("Template for {vm}, by number or name");
    let name =
        context.ui.choose(&render::choices(&usable), &question, &names, default, "nothing was created")?;
    Ok(name.to_owned())
}
