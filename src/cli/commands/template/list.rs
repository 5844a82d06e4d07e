use std::process::ExitCode;

use clap::Args;

use super::origin_text;
use crate::cli::context::Context;
use crate::cli::render::{self, TemplateRow};
use crate::config;
use crate::problem::Problem;

/// List templates.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vmtools template list --json")]
pub struct ListArgs {}

/// # Errors
/// None so far; a template that can't be read is listed with its mistake.
pub fn run(_args: ListArgs, context: &Context) -> Result<ExitCode, Problem> {
    let rows: Vec<TemplateRow> = config::list_templates(&context.paths).into_iter().map(row).collect();
    context.ui.show(rows.as_slice(), render::templates);
    Ok(ExitCode::SUCCESS)
}

fn row(listed: config::Listed) -> TemplateRow {
    let origin = origin_text(&listed.origin);
    match listed.template {
        Ok(template) => TemplateRow {
            name: listed.name,
            origin,
            description: template.description,
            extends: template.extends,
            image: template.image,
            error: None,
        },
        Err(error) => TemplateRow {
            name: listed.name,
            origin,
            description: None,
            extends: None,
            image: None,
            error: Some(error.to_string()),
        },
    }
}
