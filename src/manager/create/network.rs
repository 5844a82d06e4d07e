//! What the VM's network interfaces are plugged into, and how it will be reached.

use crate::guest::{self, KeyPair};
use crate::host;
use crate::image::LocalImage;
use crate::libvirt::{self, InterfaceSource, SshAccess, Version};
use crate::manager::claim::{Claim, Subject};
use crate::manager::network::Networks;
use crate::manager::operation::noun;
use crate::manager::{CreateError, DeletePlan, Error, Event, KeySource, VmSpec, Warning};
use crate::model::{InterfaceSpec, Invalid, MacAddress, NetworkSpec, PortPublish, Protocol};
use crate::seed::host_key_in;

/// The user to make and log in as, when neither the user nor the image says.
const USER: &str = "vmtools";

/// The user of images that Ignition sets up.
const IGNITION_USER: &str = "core";

/// A VM's network interfaces, and the ports that lead to it.
pub(super) struct NetworkSetup {
    pub(super) interfaces: Vec<libvirt::InterfaceSpec>,
    pub(super) published: Vec<PortPublish>,
    pub(super) ssh_port: Option<u16>,
    /// Under which the networks stay until the VM is there.
    pub(super) claims: Vec<Claim>,
}

/// Who may log in, and by which keys.
pub(super) struct Access {
    pub(super) user: String,
    pub(super) authorized_keys: Vec<String>,
    pub(super) identities: Vec<String>,
    pub(super) host_key: KeyPair,
}

impl Access {
    pub(super) fn to_record(&self, wiring: &NetworkSetup) -> SshAccess {
        SshAccess {
            user: self.user.clone(),
            forwarded_port: wiring.ssh_port,
            host_key: Some(self.host_key.public_openssh.clone()),
            identities: self.identities.clone(),
        }
    }
}

noun! {
    /// The interfaces of a VM that is to be made, and who may log in by them.
    Wiring
}

impl Wiring<'_> {
    /// The interfaces that the spec asks for, or one on the connection's usual network.
    pub(in crate::manager) fn interfaces_of(&self, spec: &VmSpec) -> Vec<InterfaceSpec> {
        if !spec.networks.is_empty() {
            return spec.networks.clone();
        }
        let usual = match &self.op.config().defaults.network {
            Some(network) => network.clone(),
            None if self.op.locality().is_session() => NetworkSpec::User,
            None => NetworkSpec::network("default"),
        };
        vec![usual.into()]
    }

    /// Settles the interfaces; with `act`, networks that are inactive are started.
    pub(super) async fn wire(
        &self,
        spec: &VmSpec,
        old: Option<&DeletePlan>,
        act: bool,
    ) -> Result<NetworkSetup, Error> {
        let interfaces = self.interfaces_of(spec);
        let claims = self.check_macs(&interfaces, old, act).await?;
        let mut wiring =
            NetworkSetup { interfaces: Vec::new(), published: Vec::new(), ssh_port: None, claims };
        if interfaces.iter().any(|interface| interface.network == NetworkSpec::User) {
            self.publish(spec, old, &mut wiring)?;
        } else if !spec.publish.is_empty() {
            let network = interfaces.first().map_or(NetworkSpec::None, |interface| interface.network.clone());
            return Err(CreateError::CannotPublish { network }.into());
        }
        for interface in interfaces {
            let source = match interface.network {
                NetworkSpec::None => continue,
                NetworkSpec::Bridge(name) => {
                    Networks::of(self.op).check_bridge(&name)?;
                    InterfaceSource::Bridge(name)
                }
                NetworkSpec::Network { name, portgroup } => {
                    let group = portgroup.as_deref();
                    wiring.claims.push(Networks::of(self.op).ready_network(&name, group, act).await?);
                    InterfaceSource::Network { name, portgroup }
                }
                NetworkSpec::User => self.user_network(&wiring.published).await?,
            };
            let mac = interface.mac.unwrap_or_else(MacAddress::random).to_string();
            wiring.interfaces.push(libvirt::InterfaceSpec { mac, source, model: interface.model });
        }
        Ok(wiring)
    }

    /// The hardware addresses that are asked for are free, or get free; with `act` they stay so under the claims.
    async fn check_macs(
        &self,
        interfaces: &[InterfaceSpec],
        old: Option<&DeletePlan>,
        act: bool,
    ) -> Result<Vec<Claim>, Error> {
        let macs: Vec<MacAddress> = interfaces.iter().filter_map(|interface| interface.mac).collect();
        if let Some((_, twice)) = macs.iter().enumerate().find(|(index, mac)| macs[..*index].contains(mac)) {
            return Err(Invalid::new(
                "network",
                twice.to_string(),
                "two interfaces cannot have the same address",
            )
            .into());
        }
        let mut claims = Vec::new();
        for mac in macs.iter().filter(|_| act) {
            claims.push(self.op.claim_exclusive(Subject::Mac(&mac.to_string()), &mac.to_string()).await?);
        }
        Networks::of(self.op).refuse_taken_macs(&macs, old.map(|old| old.uuid)).await?;
        Ok(claims)
    }

    fn publish(
        &self,
        spec: &VmSpec,
        old: Option<&DeletePlan>,
        wiring: &mut NetworkSetup,
    ) -> Result<(), Error> {
        for (index, port) in spec.publish.iter().enumerate() {
            let same = |other: &PortPublish| other.host == port.host && other.protocol == port.protocol;
            if spec.publish[..index].iter().any(same) {
                return Err(CreateError::PublishedTwice { port: port.host }.into());
            }
            let gets_free = old.is_some_and(|old| old.ports.contains(&port.host));
            if self.op.locality().is_here() && !gets_free && !host::is_free(port.host, port.protocol) {
                return Err(CreateError::PortTaken { port: port.host }.into());
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

    async fn user_network(&self, published: &[PortPublish]) -> Result<InterfaceSource, Error> {
        let libvirt = self.op.client().versions().await?.daemon;
        Ok(match passt_fault(Some(libvirt)) {
            None => InterfaceSource::Passt(published.to_vec()),
            Some(reason) => {
                self.op.report(Event::Warning(Warning::NoPasst { reason }));
                InterfaceSource::Slirp
            }
        })
    }

    /// Whom vmtools logs in as, where the image makes `image_user`.
    pub(super) fn user_of(&self, spec: &VmSpec, image_user: Option<&str>) -> String {
        let usual = if spec.ignition.is_some() { IGNITION_USER } else { USER };
        let configured = self.op.config().defaults.user.as_deref();
        spec.user.as_deref().or(image_user).or(configured).unwrap_or(usual).to_owned()
    }

    /// The keys that were named, else all of ~/.ssh; and vmtools' own, so that a wait never hangs on
    /// a passphrase.
    pub(super) fn access(&self, spec: &VmSpec, image: Option<&LocalImage>) -> Result<Access, Error> {
        let user = self.user_of(spec, image.and_then(|image| image.default_user.as_deref()));
        let mut keys = Vec::new();
        for source in &spec.ssh_keys {
            match source {
                KeySource::File(file) => keys.push(guest::read_public_key(file)?),
                KeySource::Read(document) => {
                    keys.push(guest::parse_public_key(&document.file, &document.bytes)?);
                }
                KeySource::OwnAlone => {}
            }
        }
        if spec.ssh_keys.is_empty() {
            keys = guest::user_public_keys(&self.op.paths().ssh_folder());
        }
        let key = guest::own_key(self.op.paths().data_folder())?;
        let users = keys.iter().map(|key| key.openssh.clone());
        // ssh asks an agent for the private half where only the public one is a file.
        let files = keys.iter().filter_map(|key| key.private_file.as_ref().or(key.file.as_ref()));
        Ok(Access {
            user,
            authorized_keys: users.chain([key.public_openssh]).collect(),
            identities: std::iter::once(&key.private_file)
                .chain(files)
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            host_key: host_key(spec)?,
        })
    }
}

/// The user's own, which cloud-init takes before another, or a new one.
fn host_key(spec: &VmSpec) -> Result<KeyPair, Error> {
    let given = spec.user_data.as_ref().map(|user_data| user_data.read_by(host_key_in)).transpose()?;
    match given.flatten() {
        Some(key) => Ok(KeyPair { private_openssh: key.private, public_openssh: key.public }),
        None => Ok(KeyPair::generate(spec.name.as_str())?),
    }
}

/// Why passt, which connects a VM by the host's own sockets, can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasstFault {
    /// libvirt is too old for it.
    #[error("passt needs libvirt {needed}; this is {found}")]
    Libvirt {
        /// The first version that has it.
        needed: Version,
        /// The one that runs.
        found: Version,
    },
    /// Its program is missing.
    #[error("passt is not installed")]
    NotInstalled,
    /// It needs an interface with a route.
    #[error("this host has no default route")]
    NoRoute,
    /// It failed when the VM was started.
    #[error("{message}")]
    Failed {
        /// libvirt's words.
        message: String,
    },
}

/// libvirt's first version with passt on every distribution: of 9.0, which has it too, Debian took it out.
const PASST: Version = Version(9, 1, 0);

/// Why passt can't be used here, if it can't, by a libvirt of that version if one is known.
pub(in crate::manager) fn passt_fault(libvirt: Option<Version>) -> Option<PasstFault> {
    if let Some(found) = libvirt.filter(|found| *found < PASST) {
        return Some(PasstFault::Libvirt { needed: PASST, found });
    }
    if host::tool(host::Tool::Passt).is_none() {
        return Some(PasstFault::NotInstalled);
    }
    (!host::has_default_route()).then_some(PasstFault::NoRoute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passt_is_not_asked_of_a_libvirt_without_it() {
        let fault = passt_fault(Some(Version(9, 0, 0))).expect("a fault");
        assert_eq!(fault.to_string(), "passt needs libvirt 9.1.0; this is 9.0.0");
        let fault = passt_fault(Some(PASST));
        assert!(!matches!(fault, Some(PasstFault::Libvirt { .. })), "{fault:?}");
    }
}
