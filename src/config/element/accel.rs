use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::Acceleration;

/// How a new VM's CPU is made.
pub(in crate::config) struct Accel;

impl Element for Accel {
    const KEY: &'static str = "defaults.accel";
    const FORM: Form = Form::Text;
    type Type = Acceleration;

    fn default() -> Self::Type {
        Acceleration::Auto
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.parsed()
    }

    fn show(value: &Self::Type) -> Value {
        Value::text(match value {
            Acceleration::Auto => "auto",
            Acceleration::Kvm => "kvm",
            Acceleration::Tcg => "tcg",
        })
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.accel
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Accel>(
            Value::Text("auto".into()),
            &[("\"kvm\"", "kvm"), ("\"tcg\"", "tcg"), ("\"auto\"", "auto")],
            &["\"xen\"", "true"],
        );
    }
}
