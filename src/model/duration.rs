use std::time::Duration;

use super::Invalid;

/// A span of time such as `90s`, `5m`, `2h`, `1h30m`; a bare number is in seconds.
///
/// # Errors
/// When `text` is not of that form, or is zero.
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let refuse = |reason: String| Invalid::new("duration", text, reason);
    let span = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| refuse("expected a duration such as 90s, 5m or 2h".into()))?,
    };
    if span.is_zero() {
        return Err(refuse("it is zero".into()));
    }
    if span > Duration::from_secs(10 * 365 * 86400) {
        return Err(refuse("it is longer than ten years".into()));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_forms() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse_duration("45"), Ok(Duration::from_secs(45)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "0", "0s", "-5s", "5 parsecs", "99999999999999999h", "1000y"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }
}
