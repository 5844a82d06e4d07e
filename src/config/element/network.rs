use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::Value;
use crate::model::NetworkSpec;

/// What a new VM is plugged into; none: what suits the connection.
pub(in crate::config) struct Network;

impl Element for Network {
    const KEY: &'static str = "defaults.network";
    const FORM: Form = Form::Text;
    type Type = Option<NetworkSpec>;

    fn default() -> Self::Type {
        None
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        raw.parsed().map(Some)
    }

    fn show(value: &Self::Type) -> Value {
        Value::optional(value.as_ref())
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.defaults.network
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<Network>(
            Value::Unset,
            &[
                ("\"default\"", "network:default"),
                ("\"bridge:br0\"", "bridge:br0"),
                ("\"ovs,portgroup=trunk\"", "network:ovs,portgroup=trunk"),
                ("\"user\"", "user"),
            ],
            &["\"\"", "\"bridge:\"", "[\"a\"]"],
        );
    }
}
