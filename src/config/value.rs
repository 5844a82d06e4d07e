use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// A key's value, in the form that `config --set` would accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// None, and there is no default.
    Unset,
    /// Text; sizes and durations too, such as "4G" and "5m".
    Text(String),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
    /// Texts by name.
    Table(BTreeMap<String, String>),
    /// Several of these, each with a "path" that tells it from the others.
    Tables(Vec<BTreeMap<String, String>>),
}

impl Value {
    /// The text of `value`.
    pub(super) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    /// The text of `value` if there is one.
    pub(super) fn optional(value: Option<impl fmt::Display>) -> Self {
        value.map_or(Self::Unset, Self::text)
    }

    /// Whether there is nothing in it to be shown. An empty list is something: none, whatever the default.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Unset => true,
            Self::Table(table) => table.is_empty(),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) | Self::List(_) | Self::Tables(_) => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Text(text) => f.pad(text),
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Flag(flag) => fmt::Display::fmt(flag, f),
            Self::List(texts) => f.pad(&texts.join(",")),
            Self::Tables(tables) => {
                let paths: Vec<_> =
                    tables.iter().filter_map(|table| table.get("path")).map(String::as_str).collect();
                f.pad(&paths.join(","))
            }
            Self::Table(table) => {
                let pairs: Vec<_> = table.iter().map(|(k, v)| format!("{k}={v}")).collect();
                f.pad(&pairs.join(","))
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unset => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(texts) => serializer.collect_seq(texts),
            Self::Tables(tables) => serializer.collect_seq(tables),
            Self::Table(table) => serializer.collect_map(table),
        }
    }
}

/// `bytes` with the largest suffix that loses nothing: "4G", "1536M".
pub(super) fn exact_size(bytes: u64) -> String {
    for (shift, suffix) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{suffix}", bytes >> shift);
        }
    }
    // A disk is a multiple of 512 bytes; half a KiB is as fine as the parser reads.
    format!("{}.5K", bytes >> 10)
}

/// `span` as one writes it: "90s", "5m", "2h".
pub(super) fn exact_duration(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        _ if span.subsec_nanos() > 0 => humantime::format_duration(span).to_string(),
        0 => "0s".into(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DiskSize, MemorySize, parse_duration};
    use std::time::Duration;

    #[test]
    fn sizes_and_durations_read_back() {
        for mib in [1, 512, 1025, 1536, 4096, 1 << 20] {
            let text = exact_size(mib << 20);
            assert_eq!(text.parse(), Ok(MemorySize::from_mib(mib)), "{text}");
        }
        let odd = DiskSize::from_bytes((20 << 30) + 512);
        assert_eq!(exact_size(odd.bytes()).parse(), Ok(odd));
        for (seconds, text) in [(90, "90s"), (300, "5m"), (7200, "2h"), (3661, "3661s")] {
            assert_eq!(exact_duration(Duration::from_secs(seconds)), text);
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn json_has_its_types() {
        let json = |value: Value| serde_json::to_string(&value).expect("serializes");
        assert_eq!(json(Value::Unset), "null");
        assert_eq!(json(Value::Number(4)), "4");
        assert_eq!(json(Value::List(vec!["a".into()])), r#"["a"]"#);
    }
}
