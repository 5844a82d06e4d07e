use std::process::ExitCode;

use clap::Args;

use super::origin_text;
use crate::cli::context::Context;
use crate::cli::render;
use crate::config::{self, Origin, ShownSetting, ShownTemplate};
use crate::problem::Problem;

/// The flags of `template show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vmtools template show development")]
pub struct ShowArgs {
    /// The template's name
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
    let rows: Vec<_> = template
        .settings
        .iter()
        .map(|setting| (setting.key.as_str(), &setting.value, source(setting, &template)))
        .collect();
    if context.ui.json() {
        let settings: Vec<_> = rows
            .iter()
            .zip(&template.settings)
            .map(|((key, value, source), setting)| {
                serde_json::json!({
                    "key": key, "value": value, "source": source, "template": setting.template,
                })
            })
            .collect();
        let link = |(name, origin): &(String, Origin)| serde_json::json!({ "name": name, "origin": origin_text(origin) });
        context.ui.data_json(&serde_json::json!({
            "name": template.name,
            "chain": template.chain.iter().map(link).collect::<Vec<_>>(),
            "settings": settings,
        }));
    } else {
        context.ui.data(&render::settings(&rows));
    }
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
