use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// The user that a new VM gets; none: the one of its image.
pub(in crate::config) struct User;

impl Element for User {
    const KEY: &'static str = "defaults.user";
    const FORM: Form = Form::Text;
    type Type = Option<String>;

    fn default() -> Self::Type {
        None
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        let name = raw.text()?;
        let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
        if name.len() > 32 || !name.starts_with(starts) || !name.chars().all(taken) {
            let reason = "a user name has 1 to 32 letters, digits, or . _ - and starts with a letter or _";
            return Err(raw.refuse(reason));
        }
        Ok(Some(name.to_owned()))
    }

    fn show(value: &Self::Type) -> Value {
        Value::optional(value.as_ref())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.user
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<User>(
            Value::Unset,
            &[("\"ubuntu\"", "ubuntu"), ("\"_x-1\"", "_x-1")],
            &["\"\"", "\"a b\"", "\"1a\"", "\"a:b\"", "\"-a\"", "1"],
        );
    }
}
