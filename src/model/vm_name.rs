use std::fmt;
use std::str::FromStr;

use super::Invalid;
use crate::model::Uuid;

/// The name of a VM that vmtools makes: a host name's characters, so that it can be one.
///
/// libvirt takes almost any name; a leading dash, digits alone or the form of a UUID would make virsh
/// take it for something else, so these are refused. VMs made by others keep whatever name they have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VmName(String);

impl VmName {
    /// The longest name taken: the length of a DNS label.
    pub const MAX_LENGTH: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host name that is nearest to it, which has no underscores, and no dashes at the ends of a part.
    pub fn to_hostname(&self) -> String {
        let name = self.0.replace('_', "-");
        let parts = name.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(".")
    }

    /// The name with `-suffix` behind it, for `create --count`.
    ///
    /// # Errors
    /// When the longer name is not a valid one.
    pub fn with_suffix(&self, suffix: u32) -> Result<Self, Invalid> {
        format!("{}-{suffix}", self.0).parse()
    }
}

impl FromStr for VmName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Err(Invalid::new("VM name", text, reason));
        check_name("VM name", text)?;
        if text.chars().all(|c| c.is_ascii_digit()) {
            return refuse("virsh would read digits alone as a domain ID");
        }
        if Uuid::try_parse(text).is_ok() {
            return refuse("virsh would read it as a UUID");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether files can be named by it, and no tool takes it for an option or a pattern. `what` says what it is a name of.
pub(super) fn check_name(what: &'static str, text: &str) -> Result<(), Invalid> {
    let refuse = |reason: &str| Err(Invalid::new(what, text, reason));
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.len() > VmName::MAX_LENGTH {
        return refuse("it is longer than 63 characters");
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return refuse("it must start with a letter or a digit");
    }
    if !text.chars().all(taken) {
        return refuse("only letters, digits, dot, dash and underscore are allowed");
    }
    Ok(())
}

impl fmt::Display for VmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_taken() {
        for name in ["web", "5g", "web-1", "a.b_c", &"x".repeat(63)] {
            assert_eq!(name.parse::<VmName>().map(|n| n.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn what_virsh_would_misread_is_refused() {
        for name in [
            "",
            "5",
            "-x",
            "--help",
            "a b",
            "a/b",
            "..",
            "a;b",
            "na\u{ef}ve",
            "$(x)",
            "0b0c0d0e-1111-2222-3333-444455556666",
            &"x".repeat(64),
        ] {
            assert!(name.parse::<VmName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn every_name_makes_a_host_name() {
        for (name, hostname) in [("web", "web"), ("A_b.c", "A-b.c"), ("a-", "a"), ("a.-.b_", "a.b")] {
            assert_eq!(name.parse::<VmName>().expect("valid").to_hostname(), hostname);
        }
    }
}
