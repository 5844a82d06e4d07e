//! What a [`Client`] asks of libvirt's networks and does to them. As with domains, every call takes the
//! UUID.

use std::time::Duration;

use super::lease::{self, Lease};
use super::{LeaseDelay, Network, Standing};
use crate::libvirt::client::command::Command;
use crate::libvirt::xml::{Element, XmlError};
use crate::libvirt::{Error, Object, VirtualNetworks};
use crate::model::Uuid;

// dnsmasq and the firewall's rules are set up within it.
const START: Duration = Duration::from_secs(60);

impl VirtualNetworks<'_> {
    /// All networks, by name.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn list(self) -> Result<Vec<Network>, Error> {
        let asks = ["--all", "", "--all --autostart", "--all --persistent"]
            .map(|which| Command::new("net-list --uuid").flag(which));
        let mut lists = Vec::new();
        for reply in self.client.call_each(&asks).await? {
            lists.push(parse_uuids(&reply?));
        }
        let [all, active, autostart, persistent] = lists.as_slice() else {
            return Ok(Vec::new());
        };
        let commands: Vec<_> = all.iter().map(|uuid| Command::new("net-dumpxml").network(*uuid)).collect();
        let mut networks = Vec::with_capacity(all.len());
        for (uuid, reply) in all.iter().zip(self.client.call_each(&commands).await?) {
            let standing = Standing {
                active: active.contains(uuid),
                autostart: autostart.contains(uuid),
                persistent: persistent.contains(uuid),
            };
            match reply {
                Ok(document) => networks.push(parse(&document, standing)?),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    /// The names of all networks, sorted; no definition is read.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn names(self) -> Result<Vec<String>, Error> {
        let text = self.client.call(Command::new("net-list --all --name")).await?;
        let mut names: Vec<String> =
            text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The network of this name or UUID; a name goes before a UUID.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn find(self, name: &str) -> Result<Network, Error> {
        let mut networks = self.list().await?;
        let uuid = Uuid::try_parse(name).ok();
        let named = networks.iter().position(|known| known.name == name);
        match named.or_else(|| networks.iter().position(|known| Some(known.uuid) == uuid)) {
            Some(index) => Ok(networks.swap_remove(index)),
            None => {
                let names = networks.iter().map(|known| known.name.as_str());
                Err(Error::missing_among(Object::Network, name, names))
            }
        }
    }

    /// The network of this UUID, whatever its name is by now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn of_uuid(self, uuid: Uuid) -> Result<Network, Error> {
        let found = self.list().await?.into_iter().find(|network| network.uuid == uuid);
        found.ok_or_else(|| Error::missing(Object::Network, uuid.to_string()))
    }

    /// The leases on each of many networks, in one round; none on one that is inactive or gone.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn leases(self, uuids: &[Uuid]) -> Result<Vec<Vec<Lease>>, Error> {
        let commands: Vec<_> =
            uuids.iter().map(|uuid| Command::new("net-dhcp-leases").network(*uuid)).collect();
        let replies = self.client.call_each(&commands).await?.into_iter();
        replies
            .map(|reply| match reply {
                Ok(text) => Ok(lease::parse(&text)),
                Err(error) if error.is_connection() => Err(error),
                Err(_) => Ok(Vec::new()),
            })
            .collect()
    }

    /// Defines a network. With a UUID that is new, a name that exists is refused, atomically.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken.
    pub async fn define(self, network: &Element) -> Result<(), Error> {
        let file = self.client.pass_xml("net-define", network)?;
        self.client.call(Command::new("net-define --validate").option("--file", &file.path)).await.map(drop)
    }

    /// The stored definition, which the network's next start will use.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is gone; when the connection fails.
    pub async fn definition(self, uuid: Uuid) -> Result<Element, Error> {
        let document = self.client.call(Command::new("net-dumpxml --inactive").network(uuid)).await?;
        Element::parse(&document).map_err(unexpected)
    }

    /// Changes the stored definition so that nothing delays a guest's first lease, and gives what delayed it and the
    /// definition as it was. The network itself stays as it is until it is restarted.
    ///
    /// # Errors
    /// As [`VirtualNetworks::definition`]; when libvirt refuses the change.
    pub async fn remove_lease_delay(self, uuid: Uuid) -> Result<(LeaseDelay, Element), Error> {
        let before = self.definition(uuid).await?;
        let has_dhcp = before.all("ip").any(|ip| ip.find("dhcp").is_some());
        let delay = LeaseDelay::read(&before, has_dhcp);
        if delay.is_some() {
            let mut definition = before.clone();
            delay.remove_from(&mut definition);
            self.define(&definition).await?;
        }
        Ok((delay, before))
    }

    /// Starts a network.
    ///
    /// # Errors
    /// When libvirt refuses; one that is up is no error.
    pub async fn start(self, uuid: Uuid) -> Result<(), Error> {
        match self.client.call(Command::new("net-start").network(uuid).within(START)).await {
            Ok(_) | Err(Error::WrongState { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stops a network, whoever is plugged in.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is inactive already.
    pub async fn destroy(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("net-destroy").network(uuid).within(START)).await.map(drop)
    }

    /// Forgets a network.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn undefine(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("net-undefine").network(uuid)).await.map(drop)
    }

    /// Whether libvirt starts it by itself.
    ///
    /// # Errors
    /// When it is gone, or one that does not stay.
    pub async fn set_autostart(self, uuid: Uuid, autostart: bool) -> Result<(), Error> {
        let disable = if autostart { "" } else { "--disable" };
        self.client.call(Command::new("net-autostart").flag(disable).network(uuid)).await.map(drop)
    }
}

/// What `net-list --uuid` has printed.
fn parse_uuids(text: &str) -> Vec<Uuid> {
    text.split_whitespace().filter_map(|word| Uuid::try_parse(word).ok()).collect()
}

pub(super) fn parse(document: &str, standing: Standing) -> Result<Network, Error> {
    Network::parse(document, standing).map_err(unexpected)
}

fn unexpected(error: XmlError) -> Error {
    Error::Unexpected { command: "virsh net-dumpxml".into(), reason: error.to_string() }
}
