use std::str::FromStr;

use super::Invalid;

/// A `key=value` that is attached to a VM, or asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The key: letters, digits, and `. _ - /` between them.
    pub key: String,
    /// The value: any text without control characters, also the empty one.
    pub value: String,
}

impl FromStr for Label {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Err(Invalid::new("label", text, reason));
        let Some((key, value)) = text.split_once('=') else {
            return refuse("expected key=value");
        };
        let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if key.is_empty() || key.len() > 63 || !key.chars().all(taken) {
            return refuse("a key has 1 to 63 letters, digits, or . _ - /");
        }
        if value.len() > 255 || value.chars().any(char::is_control) {
            return refuse("a value has at most 255 bytes and no control characters");
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything_that_can_be_read() {
        let label: Label = "team=<&\"'=x".parse().expect("valid");
        assert_eq!((label.key.as_str(), label.value.as_str()), ("team", "<&\"'=x"));
    }

    #[test]
    fn a_key_may_not() {
        for text in ["team", "=x", "a b=x", "a=\n", "<=1"] {
            assert!(text.parse::<Label>().is_err(), "{text:?}");
        }
    }
}
