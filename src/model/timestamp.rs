use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Invalid;

/// A moment, written as RFC 3339 in UTC with whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// The present moment.
    pub fn now() -> Self {
        Self(SystemTime::now())
    }

    /// The moment `span` after this one.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0 + span)
    }

    /// How long ago it was; zero for a moment still to come.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed().unwrap_or_default()
    }

    /// How long it is until then; zero for a moment that is over.
    pub fn remaining(self) -> Duration {
        self.0.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// As RFC 3339 in UTC with milliseconds, for what happens many times a second.
    pub fn to_millis(self) -> String {
        humantime::format_rfc3339_millis(self.0).to_string()
    }

    /// For serde's `serialize_with`: with milliseconds.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize_millis<S: Serializer>(time: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_millis())
    }

    /// How long it was after the beginning of 1970, UTC.
    pub fn since_epoch(self) -> Duration {
        self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// Whether it lies in the past.
    pub fn is_past(self) -> bool {
        self.0 <= SystemTime::now()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        humantime::parse_rfc3339_weak(text)
            .map(Self)
            .map_err(|_| Invalid::new("time", text, "expected 2026-01-31T12:00:00Z"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_rfc3339_seconds(self.0))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
