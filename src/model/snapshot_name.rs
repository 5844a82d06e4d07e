use std::fmt;
use std::str::FromStr;

use super::vm_name::check_name;
use super::{Invalid, Timestamp, VmName};

/// The name of a snapshot that vmtools makes. libvirt names a file by it, and takes almost any; those that others made keep
/// whatever name they have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The longest name taken: that of a VM. Of one of 250 bytes libvirt makes the snapshot and then fails to keep its
    /// document, so that it is in the disks alone (11.3).
    pub const MAX_LENGTH: usize = VmName::MAX_LENGTH;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a snapshot that nobody names, such as `auto-20261126T120501Z`.
    pub fn automatic(time: Timestamp) -> Self {
        let time = time.to_string().replace(['-', ':'], "");
        Self(format!("auto-{time}"))
    }

    /// The name with `-suffix` behind it.
    ///
    /// # Errors
    /// When the longer name is not a valid one.
    pub fn with_suffix(&self, suffix: u32) -> Result<Self, Invalid> {
        format!("{}-{suffix}", self.0).parse()
    }
}

impl FromStr for SnapshotName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_name("snapshot name", text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_taken() {
        for name in ["s1", "1", "before-upgrade.2", "a_b", &"x".repeat(63)] {
            assert_eq!(name.parse::<SnapshotName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for name in ["", "-x", ".x", "a b", "a/b", "na\u{ef}ve", "a\tb", &"x".repeat(64)] {
            assert!(name.parse::<SnapshotName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn automatic_names_sort_by_time() {
        let of = |text: &str| SnapshotName::automatic(text.parse().expect("valid"));
        assert_eq!(of("2026-11-26T12:05:01Z").as_str(), "auto-20261126T120501Z");
        assert!(of("2026-11-26T12:05:01Z") < of("2027-01-01T00:00:00Z"));
        let name = of("2026-11-26T12:05:01Z");
        assert_eq!(name.as_str().parse(), Ok(name.clone()));
        assert_eq!(
            name.with_suffix(2).map(|name| name.to_string()),
            Ok("auto-20261126T120501Z-2".to_owned())
        );
    }
}
