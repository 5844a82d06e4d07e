use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// What a VM's network card is plugged into: `NAME` or `network:NAME` for a libvirt network,
/// `bridge:NAME` for a bridge of the host, `user` for user-mode networking, `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkSpec {
    /// A libvirt network by its name.
    Network(String),
    /// A bridge of the host.
    Bridge(String),
    /// QEMU's or passt's user-mode networking: no rights needed, reached by published ports.
    User,
    /// No card at all.
    None,
}

impl FromStr for NetworkSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = |kind: &str, name: &str| {
            let bad = |c: char| c.is_control() || c == '/';
            if name.is_empty() || name.starts_with('-') || name.chars().any(bad) {
                return Err(Invalid::new("network", text, format!("{kind} needs a plain name")));
            }
            Ok(name.to_owned())
        };
        match text.split_once(':') {
            None if text == "user" => Ok(Self::User),
            None if text == "none" => Ok(Self::None),
            None => name("a network", text).map(Self::Network),
            Some(("network", rest)) => name("network:", rest).map(Self::Network),
            Some(("bridge", rest)) => name("bridge:", rest).map(Self::Bridge),
            Some(_) => Err(Invalid::new(
                "network",
                text,
                "the form is NAME, network:NAME, bridge:NAME, user or none",
            )),
        }
    }
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Bridge(name) => write!(f, "bridge:{name}"),
            Self::User => f.write_str("user"),
            Self::None => f.write_str("none"),
        }
    }
}
