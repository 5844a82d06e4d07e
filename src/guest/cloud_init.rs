//! What `cloud-init status` says.
//!
//! Since 22.3 it speaks JSON; before, text. Since 23.4 it tells recoverable errors apart ("degraded"), and
//! exits with 2 for them although all is done: so the state is read from what it prints, never from its
//! status.

use serde_json::{Map, Value};

/// The `sh` script that asks in the guest; [`parse_status`] reads what it prints.
pub const SCRIPT: &str = r#"command -v cloud-init >/dev/null 2>&1 || { echo 'status: not installed'; exit 0; }
said=$(cloud-init status --format json 2>/dev/null)
case $said in
*'{'*) printf '%s\n' "$said" ;;
*) cloud-init status --long 2>/dev/null ;;
esac
exit 0
"#;

/// How far cloud-init is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has not begun.
    NotRun,
    /// It is at work.
    Running,
    /// It is through; see [`Report::warnings`] for what it got over.
    Done,
    /// Something went wrong. It may still be at work on the rest.
    Error,
    /// It will not run: switched off, it found no data, or it is not installed.
    Disabled,
}

/// What cloud-init says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How far it is.
    pub state: State,
    /// Its data source, or why it is disabled.
    pub detail: String,
    /// What went wrong.
    pub errors: Vec<String>,
    /// What it got over ("recoverable errors"): deprecated keys, a mirror that didn't answer.
    pub warnings: Vec<String>,
}

/// Text that is not cloud-init's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot understand the status of cloud-init: {excerpt:?}")]
pub struct NotUnderstood {
    /// The text's beginning.
    pub excerpt: String,
}

/// What `cloud-init status` printed: with `--format json`, with `--long`, or plain.
///
/// # Errors
/// When it is neither, or names a state that no version known has.
pub fn parse_status(text: &str) -> Result<Report, NotUnderstood> {
    let not_understood = || NotUnderstood { excerpt: text.trim().chars().take(200).collect() };
    // Older ones print dots or warnings first.
    let json = text.find('{').and_then(|start| text.get(start..));
    // A brace may stand in plain text too.
    let object = json
        .and_then(|json| serde_json::from_str::<Map<String, Value>>(json.trim_end()).ok())
        .filter(|object| object.contains_key("status"));
    let report = match object {
        Some(object) => from_json(&object),
        None => from_text(text),
    };
    report.ok_or_else(not_understood)
}

fn from_json(object: &Map<String, Value>) -> Option<Report> {
    let state = state(object.get("status")?.as_str()?)?;
    let mut errors = texts(object.get("errors"));
    let mut warnings = grouped(object.get("recoverable_errors"));
    // Some versions list them by stage alone.
    for stage in ["init-local", "init", "modules-config", "modules-final"] {
        let stage = object.get(stage);
        errors.extend(texts(stage.and_then(|stage| stage.get("errors"))));
        warnings.extend(grouped(stage.and_then(|stage| stage.get("recoverable_errors"))));
    }
    dedup(&mut errors);
    dedup(&mut warnings);
    Some(Report {
        state,
        detail: object.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned(),
        errors,
        warnings,
    })
}

/// `status: X`, and with `--long` below it `detail:` with lines of text.
fn from_text(text: &str) -> Option<Report> {
    let lines = || text.lines().map(str::trim_end);
    let state =
        lines().find_map(|line| line.trim_start_matches('.').strip_prefix("status: ")).and_then(state)?;
    let detail: Vec<&str> = lines()
        .skip_while(|line| !line.starts_with("detail:"))
        .skip(1)
        .take_while(|line| !line.starts_with("errors:") && !line.starts_with("recoverable_errors:"))
        .collect();
    let errors = lines()
        .skip_while(|line| !line.starts_with("errors:"))
        .skip(1)
        .map_while(|line| line.trim_start().strip_prefix("- "))
        .map(str::to_owned)
        .collect();
    Some(Report {
        state,
        detail: match text.contains("status: not installed") {
            true => "cloud-init is not installed".into(),
            false => detail.join(" ").trim().to_owned(),
        },
        errors,
        warnings: Vec::new(),
    })
}

/// The names of all versions: 24.1 calls "not run" "not started".
fn state(name: &str) -> Option<State> {
    match name.trim() {
        "not run" | "not started" | "not running" => Some(State::NotRun),
        "running" | "degraded running" => Some(State::Running),
        "done" | "degraded done" => Some(State::Done),
        "error" | "error - done" | "error - running" => Some(State::Error),
        "disabled" | "not installed" => Some(State::Disabled),
        _ => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let array = value.and_then(Value::as_array);
    array
        .into_iter()
        .flatten()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
        .collect()
}

/// `{"WARNING": ["..", ".."], "ERROR": [..]}`
fn grouped(value: Option<&Value>) -> Vec<String> {
    let groups = value.and_then(Value::as_object);
    groups.into_iter().flat_map(Map::values).flat_map(|group| texts(Some(group))).collect()
}

fn dedup(texts: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}

#[cfg(test)]
mod tests;
