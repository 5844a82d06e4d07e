use std::process::ExitCode;

use clap::Args;

use super::origin_text;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::{self, ChainLink, TemplateDocument, TemplateSettingRow};
use crate::config::{self, Origin, ShownSetting, ShownTemplate};
use crate::problem::Problem;

/// Show the resolved values of a template and where each is set.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools template show development")]
pub struct ShowArgs {
    /// Template name
    #[arg(add = complete::templates())]
    pub name: String,
}

/// # Errors
/// When there is no such template, or it or the configuration can't be read.
pub fn run(args: ShowArgs, context: &Context) -> Result<ExitCode, Problem> {
    let loaded = config::show_template(&context.paths, &args.name)?;
    for warning in &loaded.warnings {
        context.ui.warn(&warning.to_string());
    }
    let template = loaded.value;
    let document = TemplateDocument {
        name: &template.name,
        chain: template
            .chain
            .iter()
            .map(|(name, origin)| ChainLink { name, origin: origin_text(origin) })
            .collect(),
        settings: template
            .settings
            .iter()
            .map(|setting| TemplateSettingRow {
                key: setting.key.as_str(),
                value: &setting.value,
                source: source(setting, &template),
                template: setting.template.as_deref(),
            })
            .collect(),
    };
    context.ui.show(&document, render::template);
    Ok(ExitCode::SUCCESS)
}

/// A place in a file, a template that is built in, or "default".
fn source(setting: &ShownSetting, shown: &ShownTemplate) -> String {
    let layer = setting
        .template
        .as_ref()
        .and_then(|name| shown.chain.iter().find(|(known, origin)| known == name && is_at(setting, origin)));
    match (&setting.at, layer) {
        (_, Some((name, Origin::BuiltIn))) => format!("built-in {name}"),
        (Some(at), _) => at.to_string(),
        (None, _) => "default".to_owned(),
    }
}

/// Two layers may have one name: a user's template that extends the built-in one of its name.
fn is_at(setting: &ShownSetting, origin: &Origin) -> bool {
    match origin {
        Origin::File(path) => setting.at.as_ref().is_some_and(|at| at.file == *path),
        Origin::BuiltIn => true,
    }
}
