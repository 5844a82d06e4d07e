use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The VM has an address.
    Ip,
    /// An ssh server has sent its banner.
    Ssh,
    /// The guest agent answers.
    Agent,
    /// cloud-init has come to its end, without an error.
    CloudInit,
    /// The VM is shut off.
    Stopped,
    /// A TCP port of the guest accepts connections.
    Port(u16),
}

impl FromStr for Condition {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "ip" => Ok(Self::Ip),
            "ssh" => Ok(Self::Ssh),
            "agent" => Ok(Self::Agent),
            "cloud-init" => Ok(Self::CloudInit),
            "stopped" => Ok(Self::Stopped),
            _ => text
                .strip_prefix("port=")
                .and_then(|port| port.parse::<u16>().ok())
                .filter(|port| *port > 0)
                .map(Self::Port)
                .ok_or_else(|| {
                    Invalid::new("condition", text, "expected ip, ssh, agent, cloud-init, stopped or port=N")
                }),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip => f.write_str("ip"),
            Self::Ssh => f.write_str("ssh"),
            Self::Agent => f.write_str("agent"),
            Self::CloudInit => f.write_str("cloud-init"),
            Self::Stopped => f.write_str("stopped"),
            Self::Port(port) => write!(f, "port={port}"),
        }
    }
}
