use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// When to use colour.
pub(in crate::config) struct UiColor;

impl Element for UiColor {
    const KEY: &'static str = "ui.color";
    const FORM: Form = Form::Text;
    type Type = Color;

    fn default() -> Self::Type {
        Color::Auto
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        let text = raw.text()?;
        Color::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, color)| *color)
            .ok_or_else(|| raw.refuse("expected auto, always or never"))
    }

    fn show(value: &Self::Type) -> Value {
        Value::text(value.name())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.ui.color
    }
}

/// When output has colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// In pipes too.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];

    /// The name in config.toml and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<UiColor>(
            Value::Text("auto".into()),
            &[("\"always\"", "always"), ("\"never\"", "never")],
            &["\"blue\"", "true"],
        );
    }
}
