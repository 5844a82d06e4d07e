//! The errors of the configuration and the templates.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, Problem};
use crate::config::Error;

impl Problem {
    /// A name that is neither a template's nor a VM's.
    pub fn neither_template_nor_vm(name: &str) -> Self {
        let hint = "`vmtools template list` and `vmtools list --all` show what there is";
        let message = format!("there is neither a template nor a VM {name:?}");
        Self { hint: Some(hint.into()), ..Self::new(K::NotFound, message) }
    }
}

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    let nearest = |names: &[String]| names.first().map(|name| format!("did you mean {name}?"));
    match error {
        // There is something, but no file of text.
        E::File(error) if matches!(error.source.kind(), Io::InvalidData | Io::IsADirectory) => {
            (K::Usage, None)
        }
        E::NoHome | E::File(_) => (K::Failed, None),
        E::UnknownKey { nearest: names, .. } => {
            (K::NotFound, nearest(names).or_else(|| Some("`vmtools config --show` lists the keys".into())))
        }
        E::UnknownTemplate { nearest: names, .. } => (
            K::NotFound,
            nearest(names).or_else(|| Some("`vmtools template list` shows what there is".into())),
        ),
        E::NoTemplateFile { .. } => (K::NotFound, None),
        E::TemplateExists { .. } => (K::Exists, None),
        E::Syntax { .. } | E::Value { .. } | E::Refused { .. } | E::TemplateName(_) | E::Cycle { .. } => {
            (K::Usage, None)
        }
    }
}
