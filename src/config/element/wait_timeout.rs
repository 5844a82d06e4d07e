use std::time::Duration;

use super::{Element, Form};
use crate::config::raw::{Raw, Refusal};
use crate::config::settings::Config;
use crate::config::value::{Value, exact_duration};
use crate::model::parse_duration;

/// How long a wait may take.
pub(in crate::config) struct WaitTimeout;

impl Element for WaitTimeout {
    const KEY: &'static str = "wait.timeout";
    const FORM: Form = Form::Text;
    type Type = Duration;

    fn default() -> Self::Type {
        Duration::from_secs(300)
    }

    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal> {
        duration(raw)
    }

    fn show(value: &Self::Type) -> Value {
        Value::Text(exact_duration(*value))
    }

    fn field(config: &mut Config) -> &mut Self::Type {
        &mut config.wait.timeout
    }
}

/// A span of time: text such as "5m", or a number of seconds.
pub(super) fn duration(raw: Raw<'_>) -> Result<Duration, Refusal> {
    let text = match raw.number() {
        Ok(seconds) => seconds.to_string(),
        Err(_) => raw.text()?.to_owned(),
    };
    parse_duration(&text).map_err(|error| raw.refuse(error.reason))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn taken_and_refused() {
        check::<WaitTimeout>(
            Value::Text("5m".into()),
            &[("\"90s\"", "90s"), ("\"120\"", "2m"), ("\"2h\"", "2h"), ("45", "45s")],
            &["\"soon\"", "0", "true", "\"-1s\""],
        );
    }
}
