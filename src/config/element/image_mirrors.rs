use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::Mirror;

/// The servers that images are fetched from before the publishers' own.
pub(in crate::config) struct ImageMirrors;

impl Element for ImageMirrors {
    const KEY: &'static str = "image.mirrors";
    const FORM: Form = Form::List;
    type Type = Vec<Mirror>;

    fn default() -> Self::Type {
        Vec::new()
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.list()?.into_iter().map(Raw::parsed).collect()
    }

    fn show(value: &Self::Type) -> Value {
        Value::List(value.iter().map(ToString::to_string).collect())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.image.mirrors
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        let one = "https://a.org/=http://m.lan/a/";
        check::<ImageMirrors>(
            Value::List(Vec::new()),
            &[
                (&format!("[\"{one}\"]"), one),
                (&format!("[\"{one}\", \"{one}\"]"), &format!("{one},{one}")),
                ("[]", ""),
            ],
            &[&format!("\"{one}\""), "[\"https://a.org/\"]", "[1]", "[\"\"]"],
        );
    }
}
