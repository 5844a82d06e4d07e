use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The system in a VM, by libosinfo's id, such as `http://ubuntu.com/ubuntu/24.04`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsVariant(String);

/// The beginnings of short ids, and of the ids that they stand for: what follows is the version in both.
/// From osinfo-db, data/os.
const SHORT_IDS: [(&str, &str); 13] = [
    ("almalinux", "http://almalinux.org/almalinux/"),
    ("alpinelinux", "http://alpinelinux.org/alpinelinux/"),
    ("centos-stream", "http://centos.org/centos-stream/"),
    ("debian", "http://debian.org/debian/"),
    ("fedora", "http://fedoraproject.org/fedora/"),
    ("freebsd", "http://freebsd.org/freebsd/"),
    ("openbsd", "http://openbsd.org/openbsd/"),
    ("opensuse", "http://opensuse.org/opensuse/"),
    ("rhel", "http://redhat.com/rhel/"),
    ("rocky", "http://rockylinux.org/rocky/"),
    ("sle", "http://suse.com/sle/"),
    ("ubuntu", "http://ubuntu.com/ubuntu/"),
    ("win", "http://microsoft.com/win/"),
];

impl OsVariant {
    /// The id, a URL that leads nowhere.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl FromStr for OsVariant {
    type Err = Invalid;

    /// Takes an id, or a short one of the systems that are common: `win11`, `debian13`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '&');
        if text.starts_with("http://") && text.len() <= 200 && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        if text == "archlinux" {
            return Ok(Self("http://archlinux.org/archlinux/rolling".to_owned()));
        }
        let version = |rest: &str| {
            rest.starts_with(|c: char| c.is_ascii_digit())
                && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        };
        SHORT_IDS
            .iter()
            .find_map(|(short, id)| {
                let rest = text.strip_prefix(short)?;
                version(rest).then(|| Self(format!("{id}{rest}")))
            })
            .ok_or_else(|| {
                let reason = "expected a short ID such as win11 or debian13, or a libosinfo ID, http://..";
                Invalid::new("system", text, reason)
            })
    }
}

impl fmt::Display for OsVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_stand_for_long_ones() {
        for (text, id) in [
            ("win11", "http://microsoft.com/win/11"),
            ("win2k22", "http://microsoft.com/win/2k22"),
            ("ubuntu24.04", "http://ubuntu.com/ubuntu/24.04"),
            ("centos-stream10", "http://centos.org/centos-stream/10"),
            ("archlinux", "http://archlinux.org/archlinux/rolling"),
            ("http://haiku-os.org/haiku/r1beta4", "http://haiku-os.org/haiku/r1beta4"),
        ] {
            assert_eq!(text.parse::<OsVariant>().map(|os| os.id().to_owned()), Ok(id.to_owned()), "{text}");
        }
        for text in ["", "ubuntu", "windows", "http://a b", "ubuntu-24"] {
            assert!(text.parse::<OsVariant>().is_err(), "{text:?}");
        }
    }
}
