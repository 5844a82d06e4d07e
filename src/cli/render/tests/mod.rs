//! Every table and page with fixed values: usual ones, none, and odd ones, such as names that no table should break on.

mod image;
mod monitor;
mod network;
mod other;
mod revert;
mod snapshot;
mod template;
mod vm;

use crate::model::Timestamp;

/// A name that libvirt takes: with an escape sequence, blanks and letters of other scripts.
const ODD: &str = "naïve \u{1b}[2J 日本 name";

/// Compares texts, each below its title, with tests/snapshots/NAME.snap.
#[track_caller]
fn check(name: &str, texts: &[(&str, String)]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text: Vec<String> = texts.iter().map(|(title, text)| format!("# {title}\n{text}")).collect();
    settings.bind(|| insta::assert_snapshot!(name, text.join("\n")));
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn past() -> Timestamp {
    parsed("2026-01-31T12:00:00Z")
}

/// Later than any run of the tests.
fn future() -> Timestamp {
    parsed("2999-12-31T12:00:00Z")
}
