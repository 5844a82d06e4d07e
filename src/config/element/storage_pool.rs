use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// The storage pool of the disks.
pub(in crate::config) struct StoragePool;

impl Element for StoragePool {
    const KEY: &'static str = "storage.pool";
    const FORM: Form = Form::Text;
    type Type = String;

    fn default() -> Self::Type {
        "vmtools".into()
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        let name = raw.text()?;
        let bad = |c: char| c.is_control() || c == '/';
        if name.is_empty() || name.starts_with(['-', '.']) || name.chars().any(bad) {
            return Err(raw.refuse(
                "a pool name must not be empty, start with - or ., or contain / or control characters",
            ));
        }
        Ok(name.to_owned())
    }

    fn show(value: &Self::Type) -> Value {
        Value::text(value)
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.storage.pool
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<StoragePool>(
            Value::Text("vmtools".into()),
            &[("\"images\"", "images")],
            &["\"\"", "\"a/b\"", "\"-x\"", "\"..\"", "3"],
        );
    }
}
