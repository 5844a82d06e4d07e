use std::fmt;
use std::str::FromStr;

use super::{Invalid, MacAddress, NicModel};

/// What separates a network's name from that of a port group.
const PORTGROUP: &str = ",portgroup=";

/// What a VM's network interface is attached to: `NAME` or `network:NAME` for a libvirt network, with `,portgroup=NAME`
/// behind it for one of its port groups, `bridge:NAME` for a bridge of the host, `user` for user-mode networking,
/// `none`. An equals sign does for the colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkSpec {
    /// A libvirt network.
    Network {
        /// Its name.
        name: String,
        /// Which of its port groups; `None` is its default one, if it has any.
        portgroup: Option<String>,
    },
    /// A bridge of the host.
    Bridge(String),
    /// QEMU's or passt's user-mode networking: no rights needed, reached by published ports.
    User,
    /// No interface.
    None,
}

impl NetworkSpec {
    /// A libvirt network, with no port group named.
    pub fn network(name: impl Into<String>) -> Self {
        Self::Network { name: name.into(), portgroup: None }
    }

    /// It with a port group.
    ///
    /// # Errors
    /// When it has one already, or is none that has port groups; when the name is none.
    pub fn in_portgroup(self, group: &str) -> Result<Self, Invalid> {
        let text = format!("{self}{PORTGROUP}{group}");
        let refuse = |reason: &str| Err(Invalid::new("network", &text, reason));
        match self {
            _ if group.is_empty() || group.chars().any(char::is_control) => {
                refuse("a port group requires a name without control characters")
            }
            Self::Network { portgroup: Some(_), .. } => refuse("an interface can be in only one port group"),
            Self::Network { name, portgroup: None } => {
                Ok(Self::Network { name, portgroup: Some(group.to_owned()) })
            }
            _ => refuse("only libvirt networks have port groups"),
        }
    }
}

impl FromStr for NetworkSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some((network, group)) = text.split_once(PORTGROUP) {
            return network.parse::<Self>()?.in_portgroup(group);
        }
        let name = |kind: &str, name: &str| {
            let bad = |c: char| c.is_control() || c == '/';
            if name.is_empty() || name.starts_with('-') || name.chars().any(bad) {
                return Err(Invalid::new(
                    "network",
                    text,
                    format!(
                        "{kind} requires a name that does not start with - and has no / or control characters"
                    ),
                ));
            }
            Ok(name.to_owned())
        };
        match text.split_once([':', '=']) {
            None if text == "user" => Ok(Self::User),
            None if text == "none" => Ok(Self::None),
            None => name("a network", text).map(Self::network),
            Some(("network", rest)) => name("network:", rest).map(Self::network),
            Some(("bridge", rest)) => name("bridge:", rest).map(Self::Bridge),
            Some(_) => Err(Invalid::new(
                "network",
                text,
                "expected NAME, network=NAME, NAME,portgroup=GROUP, bridge=NAME, user or none",
            )),
        }
    }
}

impl NetworkSpec {
    /// What it is in a sentence: behind "on", "attached to" and the like.
    pub fn in_words(&self) -> String {
        match self {
            Self::Network { name, portgroup: None } => format!("the network {name}"),
            Self::Network { name, portgroup: Some(group) } => {
                format!("the port group {group} of the network {name}")
            }
            Self::Bridge(name) => format!("the bridge {name}"),
            Self::User => "user-mode networking".to_owned(),
            Self::None => "no network".to_owned(),
        }
    }
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { name, portgroup: None } => write!(f, "network:{name}"),
            Self::Network { name, portgroup: Some(group) } => write!(f, "network:{name}{PORTGROUP}{group}"),
            Self::Bridge(name) => write!(f, "bridge:{name}"),
            Self::User => f.write_str("user"),
            Self::None => f.write_str("none"),
        }
    }
}

/// A network interface of a VM: what it is attached to, optionally with its hardware address and model:
/// `NETWORK[,portgroup=trunk][,mac=52:54:00:12:34:56][,model=e1000e]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// What it is plugged into.
    pub network: NetworkSpec,
    /// Its hardware address; `None` makes one.
    pub mac: Option<MacAddress>,
    /// Its model; `None` is the machine's usual one.
    pub model: Option<NicModel>,
}

impl From<NetworkSpec> for InterfaceSpec {
    fn from(network: NetworkSpec) -> Self {
        Self { network, mac: None, model: None }
    }
}

impl FromStr for InterfaceSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut mac = None;
        let mut model = None;
        let mut group = None;
        let mut network = text;
        // From the end: the names that others gave to networks may hold commas.
        while let Some((before, option)) = network.rsplit_once(',') {
            let twice = match option.split_once('=') {
                Some(("mac", value)) => mac.replace(value.parse()?).is_some(),
                Some(("model", value)) => model.replace(value.parse()?).is_some(),
                Some(("portgroup", value)) => group.replace(value).is_some(),
                None if !option.is_empty() => break,
                _ => {
                    let form = "the network may be followed by ,portgroup=GROUP ,mac=MAC and ,model=MODEL";
                    return Err(Invalid::new("network interface", text, form));
                }
            };
            if twice {
                return Err(Invalid::new("network interface", text, "an option is given twice"));
            }
            network = before;
        }
        let plain: NetworkSpec = network.parse()?;
        let network_in_group = match group {
            Some(group) => plain.in_portgroup(group)?,
            None => plain,
        };
        let interface = Self { network: network_in_group, mac, model };
        if interface.network == NetworkSpec::None && network != text {
            return Err(Invalid::new("network interface", text, "there is no interface without a network"));
        }
        Ok(interface)
    }
}

impl InterfaceSpec {
    /// What it is in a list: what it is plugged into, and what somebody said of it.
    pub fn in_words(&self) -> String {
        let address = self.mac.map(|mac| mac.to_string());
        let said: Vec<String> =
            address.into_iter().chain(self.model.map(|model| model.to_string())).collect();
        match said.is_empty() {
            true => self.network.in_words(),
            false => format!("{} ({})", self.network.in_words(), said.join(", ")),
        }
    }
}

impl serde::Serialize for InterfaceSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for InterfaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.network)?;
        if let Some(mac) = self.mac {
            write!(f, ",mac={mac}")?;
        }
        if let Some(model) = self.model {
            write!(f, ",model={model}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_parsed_in_all_its_forms() {
        for (text, shown) in [
            ("default", "network:default"),
            ("bridge=br0", "bridge:br0"),
            ("network=lab,model=e1000e", "network:lab,model=e1000e"),
            ("lab,model=e1000e,mac=52:54:00:AA:00:01", "network:lab,mac=52:54:00:aa:00:01,model=e1000e"),
            ("user,model=virtio", "user,model=virtio"),
            ("none", "none"),
            ("a,b,model=virtio", "network:a,b,model=virtio"),
            ("ovs,portgroup=trunk", "network:ovs,portgroup=trunk"),
            ("ovs,mac=52:54:00:AA:00:01,portgroup=a=b", "network:ovs,portgroup=a=b,mac=52:54:00:aa:00:01"),
            ("a,b,portgroup=c,d,model=virtio", "network:a,b,portgroup=c,d,model=virtio"),
        ] {
            let interface = text.parse::<InterfaceSpec>();
            assert_eq!(interface.as_ref().map(ToString::to_string), Ok(shown.to_owned()), "{text}");
            assert_eq!(shown.parse(), interface, "{text}");
        }
    }

    #[test]
    fn an_invalid_interface_is_refused() {
        for text in [
            "",
            "bridge=",
            "lab,",
            "lab,mac=1",
            "lab,model=nonsense",
            "lab,colour=red",
            ",mac=52:54:00:aa:00:01",
            "none,model=virtio",
            "lab,model=virtio,model=virtio",
            "direct=eth0",
            "ovs,portgroup=",
            "ovs,portgroup=a,portgroup=b",
            "ovs,portgroup=a,mac=52:54:00:aa:00:01,portgroup=b",
            "bridge=br0,portgroup=a",
            "user,portgroup=a",
            "none,portgroup=a",
            ",portgroup=a",
        ] {
            assert!(text.parse::<InterfaceSpec>().is_err(), "{text:?}");
        }
    }
}
