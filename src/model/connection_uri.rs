use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A libvirt connection URI, such as `qemu:///system`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionUri(String);

impl ConnectionUri {
    /// The system daemon of this host.
    pub fn system() -> Self {
        Self("qemu:///system".into())
    }

    /// The user's own daemon on this host.
    pub fn session() -> Self {
        Self("qemu:///session".into())
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its VMs run as the user, without root: the URI's path is `/session`.
    pub fn is_session(&self) -> bool {
        self.path() == "/session"
    }

    /// Whether the daemon is on this host: there is no host name in the URI, nor a transport that
    /// crosses the network.
    pub fn is_local(&self) -> bool {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return false;
        };
        let transport = scheme.split_once('+').map_or("unix", |(_, transport)| transport);
        rest.starts_with('/') && transport == "unix"
    }

    /// The host that the connection reaches by ssh; `None` for other transports.
    pub fn ssh_destination(&self) -> Option<SshDestination> {
        let (scheme, rest) = self.0.split_once("://")?;
        if !matches!(scheme.split_once('+')?.1, "ssh" | "libssh" | "libssh2") {
            return None;
        }
        let authority = rest.split('/').next()?;
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (format!("{user}@"), place),
            None => (String::new(), authority),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.and_then(|port| port.parse().ok());
        (!host.is_empty()).then(|| SshDestination { host: format!("{user}{host}"), port })
    }

    fn path(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.find('/').map_or("", |slash| &rest[slash..]);
        path.split(['?', '#']).next().unwrap_or("")
    }
}

/// A host as plain ssh takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshDestination {
    /// `HOST`, or `USER@HOST`.
    pub host: String,
    /// The port, where the URI gives one.
    pub port: Option<u16>,
}

impl FromStr for ConnectionUri {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Err(Invalid::new("connection URI", text, reason));
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return refuse("it contains a space or a control character");
        }
        match text.split_once("://") {
            Some((scheme, rest)) if !rest.is_empty() => match scheme.split('+').next() {
                Some("qemu" | "test") => Ok(Self(text.to_owned())),
                _ => refuse(
                    "only QEMU is supported: expected qemu:///system, qemu:///session or qemu+ssh://HOST/system",
                ),
            },
            _ => refuse("expected qemu:///system, qemu:///session or qemu+ssh://HOST/system"),
        }
    }
}

impl fmt::Display for ConnectionUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The connection that somebody asked for: one URI, or whichever fits this user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UriChoice {
    /// The system daemon if its socket lets this user in, else the session.
    #[default]
    Auto,
    /// Just this one.
    Uri(ConnectionUri),
}

impl FromStr for UriChoice {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            "system" => Ok(Self::Uri(ConnectionUri::system())),
            "session" => Ok(Self::Uri(ConnectionUri::session())),
            _ => text.parse().map(Self::Uri),
        }
    }
}

impl fmt::Display for UriChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Uri(uri) => uri.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_and_local_are_seen() {
        let facts = |text: &str| text.parse::<ConnectionUri>().map(|u| (u.is_session(), u.is_local()));
        assert_eq!(facts("qemu:///system"), Ok((false, true)));
        assert_eq!(facts("qemu:///session"), Ok((true, true)));
        assert_eq!(facts("qemu+unix:///system?socket=/a/session"), Ok((false, true)));
        assert_eq!(facts("qemu+ssh://root@host/system"), Ok((false, false)));
        assert_eq!(facts("qemu+tcp:///system"), Ok((false, false)));
    }

    #[test]
    fn destinations_are_those_of_ssh() {
        let of = |text: &str| text.parse::<ConnectionUri>().ok()?.ssh_destination();
        let host = |host: &str, port| Some(SshDestination { host: host.into(), port });
        assert_eq!(of("qemu+ssh://root@host/system"), host("root@host", None));
        assert_eq!(of("qemu+libssh2://host:2222/system?keyfile=/k"), host("host", Some(2222)));
        assert_eq!(of("qemu+ssh://me@[fe80::1]:22/session"), host("me@fe80::1", Some(22)));
        assert_eq!(of("qemu+tcp://host/system"), None);
        assert_eq!(of("qemu:///system"), None);
    }

    #[test]
    fn other_things_are_refused() {
        for text in ["", "qemu", "qemu://", "xen:///system", "qemu:///sys tem", "qemu:///system\nquit"] {
            assert!(text.parse::<ConnectionUri>().is_err(), "{text:?}");
        }
        assert_eq!("auto".parse(), Ok(UriChoice::Auto));
    }
}
