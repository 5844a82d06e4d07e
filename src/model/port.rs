use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The transport of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The name in `8080:80/udp` and in libvirt's XML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A guest's port that the host's 127.0.0.1 answers for: `HOST:GUEST[/udp]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PortPublish {
    /// The port on the host's 127.0.0.1.
    #[serde(rename = "host_port")]
    pub host: u16,
    /// The port in the guest.
    #[serde(rename = "guest_port")]
    pub guest: u16,
    /// TCP if nothing is said.
    pub protocol: Protocol,
}

impl FromStr for PortPublish {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || {
            Invalid::new(
                "port to publish",
                text,
                "expected HOST:GUEST or HOST:GUEST/udp, ports from 1 to 65535",
            )
        };
        let (ports, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some(_) => return Err(refuse()),
        };
        let (host, guest) = ports.split_once(':').ok_or_else(refuse)?;
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(refuse);
        Ok(Self { host: port(host)?, guest: port(guest)?, protocol })
    }
}

impl fmt::Display for PortPublish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.guest)?;
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let udp: PortPublish = "5353:53/udp".parse().expect("valid");
        assert_eq!((udp.host, udp.guest, udp.protocol), (5353, 53, Protocol::Udp));
        assert_eq!("8080:80".parse::<PortPublish>().map(|p| p.to_string()), Ok("8080:80".into()));
        for text in ["80", "0:80", "80:0", "70000:1", "a:b", "1:2/sctp", "1:2:3"] {
            assert!(text.parse::<PortPublish>().is_err(), "{text:?}");
        }
    }
}
