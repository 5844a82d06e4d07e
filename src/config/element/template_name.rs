use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::Invalid;

/// The template of a `create` that names none.
pub(in crate::config) struct TemplateName;

impl Element for TemplateName {
    const KEY: &'static str = "defaults.template";
    const FORM: Form = Form::Text;
    type Type = Option<String>;

    fn default() -> Self::Type {
        None
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        let name = raw.text()?;
        check_template_name(name).map_err(|error| raw.refuse(error.reason))?;
        Ok(Some(name.to_owned()))
    }

    fn show(value: &Self::Type) -> Value {
        Value::optional(value.as_ref())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.template
    }
}

/// Refuses what can't be the name of a template, above all what would lead out of its directory.
///
/// # Errors
/// With what a name is made of.
pub fn check_template_name(name: &str) -> Result<(), Invalid> {
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(taken) {
        return Ok(());
    }
    let reason = "a name has 1 to 63 letters, digits, or . _ - and starts with a letter or a digit";
    Err(Invalid::new("template name", name, reason))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<TemplateName>(
            Value::Unset,
            &[("\"ubuntu\"", "ubuntu"), ("\"a.b-c_1\"", "a.b-c_1")],
            &["\"\"", "\"a/b\"", "\"../x\"", "\"-x\"", "\".x\"", "1"],
        );
    }
}
