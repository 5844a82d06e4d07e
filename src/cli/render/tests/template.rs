use std::collections::BTreeMap;

use super::{ODD, check, text, texts};
use crate::cli::render::{
    SettingRow, TemplateDocument, TemplateRow, TemplateSettingRow, choices, problems, settings, template,
    templates,
};
use crate::config::{CheckedTemplate, Position, Problem, Value};

#[test]
fn tables() {
    let value = [
        Value::Unset,
        Value::Text(text("4G")),
        Value::Number(2),
        Value::Flag(true),
        Value::List(texts(&["a", "b c"])),
        Value::List(Vec::new()),
        Value::Table(BTreeMap::from([(text("key"), text("value"))])),
        Value::Tables(vec![BTreeMap::from([(text("path"), text("/etc/x")), (text("content"), text(ODD))])]),
    ];
    let keys = ["a.unset", "a.text", "a.number", "a.flag", "a.list", "a.empty", "a.table", "a.tables"];
    let source = |key: &str| text(if key == "a.text" { "/home/anna/config.toml:3:10" } else { "default" });
    let rows: Vec<SettingRow<'_>> = keys
        .into_iter()
        .zip(&value)
        .map(|(key, value)| SettingRow { key, value, source: source(key) })
        .collect();
    let of_template = |row: &SettingRow<'_>| TemplateSettingRow {
        key: "memory",
        value: &value[1],
        source: row.source.clone(),
        template: None,
    };
    let document = TemplateDocument {
        name: "web",
        chain: Vec::new(),
        settings: rows.iter().take(2).map(of_template).collect(),
    };
    check(
        "settings",
        &[
            ("config --show", settings(&rows)),
            ("config --show: none", settings(&[])),
            ("template show", template(&document)),
        ],
    );
}

#[test]
fn lists_and_checks() {
    let row = |name: &str, description: Option<&str>, error: Option<&str>| TemplateRow {
        name: text(name),
        origin: text("built-in"),
        description: description.map(text),
        extends: None,
        image: description.map(|_| text("ubuntu-24.04")),
        error: error.map(text),
    };
    let rows = [
        row("ubuntu", Some("Ubuntu 24.04 LTS"), None),
        row(ODD, None, None),
        row("broken", Some("it was once good"), Some("/home/anna/broken.toml:3:10: expected `=`")),
    ];
    let choice = [(text("ubuntu"), text("Ubuntu 24.04 LTS")), (text(ODD), text("-"))];
    let problem = |at, message: &str| Problem { at, message: text(message) };
    let at = Position { file: "/home/anna/web.toml".into(), line: 3, column: 10 };
    let wrong =
        vec![problem(Some(at), "unknown key \"memroy\" (did you mean memory?)"), problem(None, "a cycle")];
    let checked = |problems| CheckedTemplate { name: text("web"), problems };
    check(
        "templates",
        &[
            ("template list", templates(&rows)),
            ("template list: none", templates(&[])),
            ("create: the choice of a template", choices(&choice)),
            ("template check", problems(&checked(wrong))),
            ("template check: valid", problems(&checked(Vec::new()))),
        ],
    );
}
