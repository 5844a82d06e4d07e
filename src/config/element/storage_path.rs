use std::path::PathBuf;

use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// The directory of that pool, if vmtools has to make it.
pub(in crate::config) struct StoragePath;

impl Element for StoragePath {
    const KEY: &'static str = "storage.path";
    const FORM: Form = Form::Text;
    type Type = Option<PathBuf>;

    fn default() -> Self::Type {
        None
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.path().map(Some)
    }

    fn show(value: &Self::Type) -> Value {
        Value::optional(value.as_ref().map(|path| path.display()))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.storage.path
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<StoragePath>(
            Value::Unset,
            &[("\"/srv/vm\"", "/srv/vm"), ("\"~/vm\"", "/home/u/vm")],
            &["\"vm\"", "\"\"", "1"],
        );
    }
}
