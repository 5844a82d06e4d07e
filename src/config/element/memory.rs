use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::{Value, exact_size};
use crate::model::MemorySize;

/// The memory of a new VM.
pub(in crate::config) struct Memory;

impl Element for Memory {
    const KEY: &'static str = "defaults.memory";
    const FORM: Form = Form::Number;
    type Type = MemorySize;

    fn default() -> Self::Type {
        MemorySize::from_mib(2048)
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.measured()
    }

    fn show(value: &Self::Type) -> Value {
        Value::Text(exact_size(value.mib() << 20))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.memory
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Memory>(
            Value::Text("2G".into()),
            &[("\"4G\"", "4G"), ("4096", "4G"), ("\"1.5G\"", "1536M"), ("1_000", "1000M")],
            &["\"lots\"", "0", "-1", "1.5", "true", "[1]", "\"9E\""],
        );
    }
}
