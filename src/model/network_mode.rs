use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// How a libvirt network is joined to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkMode {
    /// Guests reach the outside with the host's address; nothing outside reaches them.
    #[default]
    Nat,
    /// Guests reach each other and the host, nothing else.
    Isolated,
    /// Guests and the outside reach each other, once the outside knows the way.
    Routed,
    /// Guests are plugged into a bridge that the host has.
    Bridge,
    /// As routed, and libvirt makes no rules in the host's firewall.
    Open,
}

impl NetworkMode {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Isolated => "isolated",
            Self::Routed => "routed",
            Self::Bridge => "bridge",
            Self::Open => "open",
        }
    }
}

impl FromStr for NetworkMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "nat" => Ok(Self::Nat),
            "isolated" => Ok(Self::Isolated),
            // libvirt's own word.
            "routed" | "route" => Ok(Self::Routed),
            "bridge" => Ok(Self::Bridge),
            "open" => Ok(Self::Open),
            _ => Err(Invalid::new("network mode", text, "expected nat, isolated, routed, bridge or open")),
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
