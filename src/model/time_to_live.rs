use std::str::FromStr;
use std::time::Duration;

use super::{Invalid, parse_duration};

/// How long a VM may live, or that it may for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeToLive {
    /// For ever.
    Unlimited,
    /// From now on so long.
    For(Duration),
}

impl FromStr for TimeToLive {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "none" => Ok(Self::Unlimited),
            span => parse_duration(span).map(Self::For),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_or_none() {
        assert_eq!("none".parse(), Ok(TimeToLive::Unlimited));
        assert_eq!("2h".parse(), Ok(TimeToLive::For(Duration::from_secs(7200))));
        assert!("never".parse::<TimeToLive>().is_err());
    }
}
