use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::Firmware;

/// The firmware of a new VM.
pub(in crate::config) struct Boot;

impl Element for Boot {
    const KEY: &'static str = "defaults.firmware";
    const FORM: Form = Form::Text;
    type Type = Firmware;

    fn default() -> Self::Type {
        Firmware::Bios
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.parsed()
    }

    fn show(value: &Self::Type) -> Value {
        Value::text(value)
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.firmware
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Boot>(
            Value::Text("bios".into()),
            &[("\"efi\"", "efi"), ("\"efi-secure\"", "efi-secure")],
            &["\"EFI!\"", "1"],
        );
    }
}
