//! What the VM's network cards are plugged into, and how it will be reached.

use crate::guest::{self, KeyPair};
use crate::host;
use crate::image::LocalImage;
use crate::libvirt::{InterfaceSource, InterfaceSpec, SshAccess};
use crate::manager::{DeletePlan, Error, Event, VmManager, VmSpec, Warning};
use crate::model::{CardSpec, Invalid, MacAddress, NetworkSpec, PortPublish, Protocol};
use crate::seed::host_key_in;

/// The user to make and log in as, when neither the user nor the image says.
const USER: &str = "vmtools";

/// The user of images that Ignition sets up.
const IGNITION_USER: &str = "core";

/// A VM's network cards, and the ports that lead to it.
pub(super) struct Wiring {
    pub(super) interfaces: Vec<InterfaceSpec>,
    pub(super) published: Vec<PortPublish>,
    pub(super) ssh_port: Option<u16>,
}

/// Who may log in, and by which keys.
pub(super) struct Access {
    pub(super) user: String,
    pub(super) authorized_keys: Vec<String>,
    pub(super) identities: Vec<String>,
    pub(super) host_key: KeyPair,
}

impl Access {
    pub(super) fn to_record(&self, wiring: &Wiring) -> SshAccess {
        SshAccess {
            user: self.user.clone(),
            forwarded_port: wiring.ssh_port,
            host_key: Some(self.host_key.public_openssh.clone()),
            identities: self.identities.clone(),
        }
    }
}

impl VmManager {
    /// The cards that the spec asks for, or one on the connection's usual network.
    pub(super) fn cards_of(&self, spec: &VmSpec) -> Vec<CardSpec> {
        if !spec.networks.is_empty() {
            return spec.networks.clone();
        }
        let usual = match &self.config.defaults.network {
            Some(network) => network.clone(),
            None if self.uri().is_session() => NetworkSpec::User,
            None => NetworkSpec::Network("default".into()),
        };
        vec![usual.into()]
    }

    /// Settles the cards; with `act`, networks that are off are started.
    pub(super) async fn wire(
        &self,
        spec: &VmSpec,
        old: Option<&DeletePlan>,
        act: bool,
    ) -> Result<Wiring, Error> {
        let cards = self.cards_of(spec);
        self.check_macs(&cards, old).await?;
        let mut wiring = Wiring { interfaces: Vec::new(), published: Vec::new(), ssh_port: None };
        if cards.iter().any(|card| card.network == NetworkSpec::User) {
            self.publish(spec, old, &mut wiring)?;
        } else if !spec.publish.is_empty() {
            let network = cards.first().map_or_else(|| "none".to_owned(), |card| card.network.to_string());
            return Err(Error::CannotPublish { network });
        }
        for card in cards {
            let source = match card.network {
                NetworkSpec::None => continue,
                NetworkSpec::Bridge(name) => {
                    self.check_bridge(&name)?;
                    InterfaceSource::Bridge(name)
                }
                NetworkSpec::Network(name) => {
                    self.ready_network(&name, act).await?;
                    InterfaceSource::Network(name)
                }
                NetworkSpec::User => self.user_network(&wiring.published),
            };
            let mac = card.mac.unwrap_or_else(MacAddress::random).to_string();
            wiring.interfaces.push(InterfaceSpec { mac, source, model: card.model });
        }
        Ok(wiring)
    }

    /// The hardware addresses that are asked for are free, or get free.
    async fn check_macs(&self, cards: &[CardSpec], old: Option<&DeletePlan>) -> Result<(), Error> {
        let macs: Vec<MacAddress> = cards.iter().filter_map(|card| card.mac).collect();
        if let Some((_, twice)) = macs.iter().enumerate().find(|(index, mac)| macs[..*index].contains(mac)) {
            return Err(
                Invalid::new("network", twice.to_string(), "two cards cannot have one address").into()
            );
        }
        self.refuse_taken_macs(&macs, old.map(|old| old.uuid.as_str())).await
    }

    fn publish(&self, spec: &VmSpec, old: Option<&DeletePlan>, wiring: &mut Wiring) -> Result<(), Error> {
        for (index, port) in spec.publish.iter().enumerate() {
            let same = |other: &PortPublish| other.host == port.host && other.protocol == port.protocol;
            if spec.publish[..index].iter().any(same) {
                return Err(Error::PublishedTwice { port: port.host });
            }
            let gets_free = old.is_some_and(|old| old.ports.contains(&port.host));
            if self.uri().is_local() && !gets_free && !host::is_free(port.host, port.protocol) {
                return Err(Error::PortTaken { port: port.host });
            }
        }
        let ssh = spec.publish.iter().find(|port| port.guest == 22 && port.protocol == Protocol::Tcp);
        let ssh_port = match ssh {
            Some(port) => port.host,
            None => host::free_port()?,
        };
        wiring.ssh_port = Some(ssh_port);
        if ssh.is_none() {
            wiring.published.push(PortPublish { host: ssh_port, guest: 22, protocol: Protocol::Tcp });
        }
        wiring.published.extend(&spec.publish);
        Ok(())
    }

    fn user_network(&self, published: &[PortPublish]) -> InterfaceSource {
        match no_passt() {
            None => InterfaceSource::Passt(published.to_vec()),
            Some(reason) => {
                self.report(Event::Warning(Warning::NoPasst { reason: reason.into() }));
                InterfaceSource::Slirp
            }
        }
    }

    pub(in crate::manager) async fn ready_network(&self, name: &str, act: bool) -> Result<(), Error> {
        let network = self.client.network(name).await?;
        if !network.active && act {
            self.client.start_network(&network.uuid).await?;
            self.report(Event::NetworkStarted { name });
        }
        Ok(())
    }

    /// The keys that were named, else all of ~/.ssh; and vmtools' own, so that a wait never hangs on
    /// a passphrase.
    pub(super) fn access(&self, spec: &VmSpec, image: Option<&LocalImage>) -> Result<Access, Error> {
        let user = spec
            .user
            .clone()
            .or_else(|| image.and_then(|image| image.default_user.clone()))
            .or_else(|| self.config.defaults.user.clone())
            .unwrap_or_else(|| if spec.ignition.is_some() { IGNITION_USER } else { USER }.to_owned());
        let mut keys = Vec::new();
        for file in &spec.ssh_keys {
            keys.push(guest::read_public_key(file)?);
        }
        if keys.is_empty() {
            keys = guest::user_public_keys(&self.paths.ssh_folder());
        }
        let own = guest::own_key(self.paths.data_folder())?;
        let users = keys.iter().map(|key| key.openssh.clone());
        // ssh asks an agent for the private half where only the public one is a file.
        let files = keys.iter().map(|key| key.private_file.as_ref().unwrap_or(&key.file));
        Ok(Access {
            user,
            authorized_keys: users.chain([own.public_openssh]).collect(),
            identities: std::iter::once(&own.private_file)
                .chain(files)
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            host_key: host_key(spec)?,
        })
    }
}

/// The user's own, which cloud-init takes before another, or a new one.
fn host_key(spec: &VmSpec) -> Result<KeyPair, Error> {
    match spec.user_data.as_deref().map(host_key_in).transpose()?.flatten() {
        Some(key) => Ok(KeyPair { private_openssh: key.private, public_openssh: key.public }),
        None => Ok(KeyPair::generate(spec.name.as_str())?),
    }
}

/// Why passt can't be used here, if it can't: it needs its program and an interface with a route.
pub(in crate::manager) fn no_passt() -> Option<&'static str> {
    if host::tool(host::Tool::Passt).is_none() {
        return Some("the program passt is not installed");
    }
    (!host::has_default_route()).then_some("this host has no route to the outside")
}
