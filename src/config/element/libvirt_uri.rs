use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::UriChoice;

/// The libvirt to speak to.
pub(in crate::config) struct Uri;

impl Element for Uri {
    const KEY: &'static str = "libvirt.uri";
    const FORM: Form = Form::Text;
    type Type = UriChoice;

    fn default() -> Self::Type {
        UriChoice::Auto
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.parsed()
    }

    fn show(value: &Self::Type) -> Value {
        Value::text(value)
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.libvirt.uri
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Uri>(
            Value::Text("auto".into()),
            &[
                ("\"auto\"", "auto"),
                ("\"system\"", "qemu:///system"),
                ("\"qemu+ssh://h/system\"", "qemu+ssh://h/system"),
            ],
            &["\"\"", "5", "\"xen:///\"", "[\"auto\"]"],
        );
    }
}
