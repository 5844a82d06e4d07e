//! The errors of the configuration and the templates.

use std::io::ErrorKind as Io;

use super::{Advice, Command, ErrorKind as K, Problem, did_you_mean, hint, vmtools};
use crate::config::Error;

impl Problem {
    /// A name that is neither a template's nor a VM's.
    pub fn neither_template_nor_vm(name: &str) -> Self {
        let lists = (vmtools("template list"), vmtools("list").flag("--all"));
        Self {
            hint: hint(format_args!("{} lists templates, {} lists VMs", lists.0, lists.1)),
            ..Self::new(K::NotFound, format!("{name:?} is neither a template nor a VM"))
        }
    }
}

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        // There is something, but no file of text.
        E::File(error) if matches!(error.source.kind(), Io::InvalidData | Io::IsADirectory) => {
            (K::Usage, None)
        }
        E::NoHome | E::File(_) => (K::Failed, None),
        E::UnknownKey { nearest, .. } => {
            (K::NotFound, nearest_or(nearest, "keys", &vmtools("config").flag("--show")))
        }
        E::UnknownTemplate { nearest, .. } => {
            (K::NotFound, nearest_or(nearest, "templates", &vmtools("template list")))
        }
        E::NoTemplateFile { .. } => {
            (K::NotFound, hint(format_args!("check the path; {} lists templates", vmtools("template list"))))
        }
        E::TemplateExists { .. } => (K::Exists, hint("choose another name, or edit that file")),
        E::Syntax { .. } | E::Value { .. } | E::Refused { .. } | E::TemplateName(_) | E::Cycle { .. } => {
            (K::Usage, None)
        }
    }
}

fn nearest_or(nearest: &[String], what: &str, list: &Command) -> Option<String> {
    hint(format_args!("{}{list} lists {what}", did_you_mean(nearest)))
}
