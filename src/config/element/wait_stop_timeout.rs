use std::time::Duration;

use super::wait_timeout::duration;
use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::{Value, exact_duration};

/// How long `stop` waits for a guest to shut down.
pub(in crate::config) struct StopTimeout;

impl Element for StopTimeout {
    const KEY: &'static str = "wait.stop_timeout";
    const FORM: Form = Form::Text;
    type Type = Duration;

    fn default() -> Self::Type {
        Duration::from_secs(90)
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        duration(raw)
    }

    fn show(value: &Self::Type) -> Value {
        Value::Text(exact_duration(*value))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.wait.stop_timeout
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<StopTimeout>(
            Value::Text("90s".into()),
            &[("\"3m\"", "3m"), ("30", "30s")],
            &["\"\"", "0", "[]"],
        );
    }
}
