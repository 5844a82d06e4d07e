//! Values that errors hold, and errors as a person sees them.

use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::manager::Error;
use crate::problem::{Doing, Problem, advice};
use crate::system::{fs, process};

pub(super) const ALL_DOING: [Doing; 6] =
    [Doing::Create, Doing::Clone, Doing::Delete, Doing::Pull, Doing::Restart, Doing::Other];

/// Values of an enum with their variants' names, at least one of each: without one it does not compile.
macro_rules! every {
    ($enum:ident { $($variant:ident $($fields:tt)|+),+ $(,)? }) => {{
        let _ = |value: &$enum| match value { $($enum::$variant { .. } => {})+ };
        vec![$($((stringify!($variant), $enum::$variant $fields)),+),+]
    }};
}

/// A part of a snapshot: the errors of an enum.
pub(super) fn section<E: Into<Error>>(title: &str, errors: Vec<(&'static str, E)>) -> String {
    let errors = errors.into_iter().map(|(variant, error)| shown(variant, error.into()));
    format!("# {title}\n\n{}", errors.collect::<Vec<_>>().join("\n"))
}

/// The error as the command line words it, and what scripts get. A hint that depends on what was done is there for each.
fn shown(variant: &str, error: Error) -> String {
    let hints = ALL_DOING.map(|doing| (doing, advice(&error, doing).1));
    let problem = Problem::from(error);
    let (code, name) = (problem.kind.exit_code(), problem.kind.name());
    let mut text = format!("{variant}: {name} ({code})\n  error: {}\n", problem.message);
    for cause in &problem.cause {
        let _ = writeln!(text, "  because: {cause}");
    }
    for (doing, hint) in hints.iter().filter(|(_, hint)| *hint != problem.hint) {
        let _ = writeln!(text, "  hint of {doing:?}: {}", hint.as_deref().unwrap_or("none"));
    }
    if let Some(hint) = &problem.hint {
        let _ = writeln!(text, "  hint: {hint}");
    }
    text
}

/// Compares with tests/snapshots/NAME.snap.
#[track_caller]
pub(super) fn check(name: &str, sections: &[String]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, sections.join("\n")));
}

pub(super) fn web() -> String {
    "web".to_owned()
}

pub(super) fn vda() -> String {
    "vda".to_owned()
}

pub(super) fn text(text: &str) -> String {
    text.to_owned()
}

pub(super) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

pub(super) fn denied() -> io::Error {
    io::Error::from_raw_os_error(13)
}

pub(super) fn missing() -> io::Error {
    io::Error::from_raw_os_error(2)
}

pub(super) fn in_use() -> io::Error {
    io::Error::from_raw_os_error(98)
}

pub(super) fn file(source: io::Error) -> fs::Error {
    fs::Error::at("read", Path::new("/home/anna/file"))(source)
}

pub(super) fn failed(command: &str, stderr: &str) -> process::Error {
    process::Error::Failed(process::Failure {
        command: command.to_owned(),
        status: Some(1),
        signal: None,
        stdout: String::new(),
        stderr: stderr.to_owned(),
    })
}

pub(super) fn not_json() -> serde_json::Error {
    serde_json::from_str::<u64>("\"x\"").expect_err("no number")
}
