use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;

/// The vCPUs of a new VM.
pub(in crate::config) struct Cpus;

impl Element for Cpus {
    const KEY: &'static str = "defaults.cpus";
    const FORM: Form = Form::Number;
    type Type = u32;

    fn default() -> Self::Type {
        2
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        let number = raw.number()?;
        u32::try_from(number)
            .ok()
            .filter(|cpus| (1..=MAX_CPUS).contains(cpus))
            .ok_or_else(|| raw.refuse(format!("expected 1 to {MAX_CPUS} vCPUs")))
    }

    fn show(value: &Self::Type) -> Value {
        Value::Number(u64::from(*value))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.cpus
    }
}

// What QEMU's q35 machine takes since 9.0; older ones take less and say so.
const MAX_CPUS: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Cpus>(
            Value::Number(2),
            &[("1", "1"), ("0x10", "16"), ("4096", "4096")],
            &["0", "-1", "4097", "\"2\"", "1.5", "99999999999999999999"],
        );
    }
}
