use std::fmt;
use std::str::FromStr;

use super::{Invalid, MacAddress, NicModel};

/// What a VM's network card is plugged into: `NAME` or `network:NAME` for a libvirt network,
/// `bridge:NAME` for a bridge of the host, `user` for user-mode networking, `none`. An equals sign does
/// for the colon.
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
        match text.split_once([':', '=']) {
            None if text == "user" => Ok(Self::User),
            None if text == "none" => Ok(Self::None),
            None => name("a network", text).map(Self::Network),
            Some(("network", rest)) => name("network:", rest).map(Self::Network),
            Some(("bridge", rest)) => name("bridge:", rest).map(Self::Bridge),
            Some(_) => Err(Invalid::new(
                "network",
                text,
                "the form is NAME, network=NAME, bridge=NAME, user or none",
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

/// A network card of a VM: what it is plugged into, and if somebody says so its address and its model:
/// `NETWORK[,mac=52:54:00:12:34:56][,model=e1000e]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardSpec {
    /// What it is plugged into.
    pub network: NetworkSpec,
    /// Its hardware address; `None` makes one.
    pub mac: Option<MacAddress>,
    /// Its model; `None` is the machine's usual one.
    pub model: Option<NicModel>,
}

impl From<NetworkSpec> for CardSpec {
    fn from(network: NetworkSpec) -> Self {
        Self { network, mac: None, model: None }
    }
}

impl FromStr for CardSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut mac = None;
        let mut model = None;
        let mut network = text;
        // From the end: the names that others gave to networks may hold commas.
        while let Some((before, option)) = network.rsplit_once(',') {
            let twice = match option.split_once('=') {
                Some(("mac", value)) => mac.replace(value.parse()?).is_some(),
                Some(("model", value)) => model.replace(value.parse()?).is_some(),
                None if !option.is_empty() => break,
                _ => {
                    let form = "behind the network may stand ,mac=MAC and ,model=MODEL";
                    return Err(Invalid::new("network card", text, form));
                }
            };
            if twice {
                return Err(Invalid::new("network card", text, "something is said twice"));
            }
            network = before;
        }
        let card = Self { network: network.parse()?, mac, model };
        if card.network == NetworkSpec::None && network != text {
            return Err(Invalid::new("network card", text, "without a network there is no card"));
        }
        Ok(card)
    }
}

impl fmt::Display for CardSpec {
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
    fn a_card_is_read_in_all_its_forms() {
        for (text, shown) in [
            ("default", "network:default"),
            ("bridge=br0", "bridge:br0"),
            ("network=lab,model=e1000e", "network:lab,model=e1000e"),
            ("lab,model=e1000e,mac=52:54:00:AA:00:01", "network:lab,mac=52:54:00:aa:00:01,model=e1000e"),
            ("user,model=virtio", "user,model=virtio"),
            ("none", "none"),
            ("a,b,model=virtio", "network:a,b,model=virtio"),
        ] {
            assert_eq!(text.parse::<CardSpec>().map(|card| card.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_card_that_cannot_be_is_refused() {
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
        ] {
            assert!(text.parse::<CardSpec>().is_err(), "{text:?}");
        }
    }
}
