use std::path::PathBuf;

use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// The public keys that a new VM lets in; none: the user's own.
pub(in crate::config) struct SshKeys;

impl Element for SshKeys {
    const KEY: &'static str = "defaults.ssh_keys";
    const FORM: Form = Form::List;
    type Type = Vec<PathBuf>;

    fn default() -> Self::Type {
        Vec::new()
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.list()?.into_iter().map(Raw::path).collect()
    }

    fn show(value: &Self::Type) -> Value {
        Value::List(value.iter().map(|path| path.display().to_string()).collect())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.ssh_keys
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<SshKeys>(
            Value::List(Vec::new()),
            &[("[\"~/.ssh/a.pub\"]", "/home/u/.ssh/a.pub"), ("[\"/a\", \"/b\"]", "/a,/b"), ("[]", "")],
            &["\"~/.ssh/a.pub\"", "[\"a.pub\"]", "[\"~bob/a\"]", "[1]", "[\"\"]"],
        );
    }
}
