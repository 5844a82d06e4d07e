use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::{Value, exact_size};
use crate::model::DiskSize;

/// The size of a new VM's disk.
pub(in crate::config) struct Disk;

impl Element for Disk {
    const KEY: &'static str = "defaults.disk_size";
    const FORM: Form = Form::Number;
    type Type = DiskSize;

    fn default() -> Self::Type {
        DiskSize::from_gib(20)
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.measured()
    }

    fn show(value: &Self::Type) -> Value {
        Value::Text(exact_size(value.bytes()))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.disk_size
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Disk>(
            Value::Text("20G".into()),
            &[("\"50G\"", "50G"), ("50", "50G"), ("\"1.5T\"", "1536G")],
            &["\"big\"", "0", "-5", "false"],
        );
    }
}
