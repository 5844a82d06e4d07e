use serde::Serialize;

use super::or_dash;
use super::table::table;
use crate::config::Value;

/// A key and its value: what `config --get` prints as JSON.
#[derive(Debug, Serialize)]
pub struct KeyValue<'a> {
    pub key: &'a str,
    pub value: Value,
}

/// A row of `config --show`.
#[derive(Debug, Serialize)]
pub struct SettingRow<'a> {
    pub key: &'a str,
    pub value: &'a Value,
    /// `default`, or the place in a file.
    pub source: String,
}

/// What `template show` prints.
#[derive(Debug, Serialize)]
pub struct TemplateDocument<'a> {
    pub name: &'a str,
    /// The template, the one that it extends, and so on.
    pub chain: Vec<ChainLink<'a>>,
    pub settings: Vec<TemplateSettingRow<'a>>,
}

/// A template among those that a template extends.
#[derive(Debug, Serialize)]
pub struct ChainLink<'a> {
    pub name: &'a str,
    /// `built-in`, or its file.
    pub origin: String,
}

/// A row of `template show`.
#[derive(Debug, Serialize)]
pub struct TemplateSettingRow<'a> {
    pub key: &'a str,
    pub value: &'a Value,
    /// `default`, `built-in NAME`, or the place in a file.
    pub source: String,
    /// The template of the chain that sets it.
    pub template: Option<&'a str>,
}

/// The table of `config --show`.
pub fn settings(rows: &[SettingRow<'_>]) -> String {
    key_value_table(rows.iter().map(|row| (row.key, row.value, row.source.as_str())))
}

/// The table of `template show`.
pub fn template(shown: &TemplateDocument<'_>) -> String {
    key_value_table(shown.settings.iter().map(|row| (row.key, row.value, row.source.as_str())))
}

fn key_value_table<'a>(rows: impl Iterator<Item = (&'a str, &'a Value, &'a str)>) -> String {
    let rows = rows.map(|(key, value, source)| {
        let value = Some(value.to_string()).filter(|value| !value.is_empty());
        vec![key.to_owned(), or_dash(value), source.to_owned()]
    });
    table(["KEY", "VALUE", "SOURCE"].map(str::to_owned).to_vec(), rows.collect())
}
