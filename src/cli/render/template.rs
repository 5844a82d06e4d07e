use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use super::or_dash;
use super::table::table;
use crate::config::CheckedTemplate;

/// A template in the list of all.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateRow {
    /// Its name.
    pub name: String,
    /// `built-in`, or its file.
    pub origin: String,
    /// What it is, in a line.
    pub description: Option<String>,
    /// The template that it builds on.
    pub extends: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// What is wrong with it, when it can't be used.
    pub error: Option<String>,
}

/// The table of `template list`.
pub fn templates(rows: &[TemplateRow]) -> String {
    let heading = ["NAME", "IMAGE", "ORIGIN", "DESCRIPTION"];
    let rows = rows.iter().map(|row| {
        let broken = row.error.as_ref().map(|error| format!("broken: {error}"));
        vec![
            row.name.clone(),
            or_dash(row.image.clone()),
            row.origin.clone(),
            or_dash(broken.or_else(|| row.description.clone())),
        ]
    });
    table(heading.map(str::to_owned).to_vec(), rows.collect())
}

/// Names with their descriptions, numbered from 1, to choose from.
pub fn choices(choices: &[(String, String)]) -> String {
    let row = |(index, (name, description)): (usize, &(String, String))| {
        vec![format!("{:>4}", index + 1), name.clone(), description.clone()]
    };
    let heading = ["   #", "TEMPLATE", "DESCRIPTION"];
    table(heading.map(str::to_owned).to_vec(), choices.iter().enumerate().map(row).collect())
}

/// What `template check` prints as JSON.
#[derive(Debug, Serialize)]
pub struct CheckDocument<'a> {
    name: &'a str,
    valid: bool,
    problems: Vec<CheckProblem<'a>>,
}

#[derive(Debug, Serialize)]
struct CheckProblem<'a> {
    file: Option<&'a Path>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
}

impl<'a> CheckDocument<'a> {
    pub fn of(checked: &'a CheckedTemplate) -> Self {
        let problems = checked.problems.iter().map(|problem| CheckProblem {
            file: problem.at.as_ref().map(|at| at.file.as_path()),
            line: problem.at.as_ref().map(|at| at.line),
            column: problem.at.as_ref().map(|at| at.column),
            message: &problem.message,
        });
        Self { name: &checked.name, valid: checked.problems.is_empty(), problems: problems.collect() }
    }
}

/// The lines of `template check`: each mistake with its place, in the form that editors know.
pub fn problems(checked: &CheckedTemplate) -> String {
    if checked.problems.is_empty() {
        return format!("{} is valid\n", checked.name);
    }
    let mut text = String::new();
    for problem in &checked.problems {
        let _ = match &problem.at {
            Some(at) => writeln!(text, "{at}: {}", problem.message),
            None => writeln!(text, "{}: {}", checked.name, problem.message),
        };
    }
    text
}
