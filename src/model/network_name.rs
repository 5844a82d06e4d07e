use std::fmt;
use std::str::FromStr;

use super::Invalid;
use crate::model::Uuid;

/// The name of a libvirt network that vmtools makes. Those of others keep whatever name they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkName(String);

impl NetworkName {
    /// The longest name taken; libvirt makes files of it.
    pub const MAX_LENGTH: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NetworkName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Err(Invalid::new("network name", text, reason));
        let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return refuse("it must have 1 to 63 characters");
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(taken) {
            return refuse(
                "only letters, digits, dot, dash and underscore are allowed, starting with a letter or digit",
            );
        }
        if matches!(text, "user" | "none") {
            return refuse("the name is reserved for another kind of network");
        }
        if Uuid::try_parse(text).is_ok() {
            return refuse("libvirt would read it as a UUID");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_alone_are_taken() {
        for name in ["lab", "5", "a.b_c-d", &"x".repeat(63)] {
            assert_eq!(name.parse::<NetworkName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in [
            "",
            "-x",
            "..",
            "a b",
            "a/b",
            "user",
            "none",
            "na\u{ef}ve",
            "0b0c0d0e-1111-2222-3333-444455556666",
            &"x".repeat(64),
        ] {
            assert!(name.parse::<NetworkName>().is_err(), "{name:?}");
        }
    }
}
