//! Where a VM is reached, and how.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::guest::{self, Remote, Target};
use crate::libvirt::{Address, AddressSource, Domain, Interface, InterfaceKind, Metadata};
use crate::manager::guest::GuestAccess;
use crate::manager::guest::GuestAgent;
use crate::manager::{EndpointError, Error, VmError};
use crate::model::PortPublish;

/// Where an ssh server listens.
pub(in crate::manager) const SSH_PORT: u16 = 22;

/// Where this host reaches a VM.
#[derive(Debug, Clone, serde::Serialize)]
pub struct GuestEndpoint {
    /// The VM.
    pub name: String,
    /// Its addresses, the first one the best. A VM that user-mode networking alone connects is reached at 127.0.0.1,
    /// by its published ports.
    pub ips: Vec<IpAddr>,
    /// The address at which its ssh server answers: 127.0.0.1 where a port of it leads there.
    pub ssh_host: IpAddr,
    /// The port that leads to its ssh server there.
    pub ssh_port: u16,
    /// The ports of 127.0.0.1 that lead to the guest.
    #[serde(skip)]
    pub published: Vec<PortPublish>,
}

impl GuestAccess<'_> {
    /// Where the VM is reached.
    ///
    /// # Errors
    /// When it is shut off, or no source knows an address of it.
    pub async fn endpoint(&self, name: &str) -> Result<GuestEndpoint, Error> {
        let domain = self.running(name).await?;
        let ips = self.addresses_of(&domain).await?;
        let Some(ssh) = ssh_socket(&domain, &ips) else {
            return Err(EndpointError::NoAddress { name: domain.name }.into());
        };
        let published = domain.metadata.map(|record| record.published).unwrap_or_default();
        Ok(GuestEndpoint { name: domain.name, ips, ssh_host: ssh.ip(), ssh_port: ssh.port(), published })
    }

    /// Becomes ssh: a session on the VM, or a command there that gets a terminal. Gives why that failed.
    pub async fn become_ssh(self, name: &str, user: Option<&str>, command: &[String]) -> Error {
        let target = match self.answering_target(name, user).await {
            Ok(target) => target,
            Err(error) => return error,
        };
        // The open virsh would outlive this process.
        self.op.client().disconnect().await;
        match guest::arguments(&target, true, command) {
            Ok(arguments) => guest::become_ssh(arguments).into(),
            Err(error) => guest::Error::from(error).into(),
        }
    }

    /// Starts a command on the VM that gets this process' standard streams.
    ///
    /// # Errors
    /// When the VM is shut off, no source knows an address of it, or ssh is missing.
    pub async fn remote(self, name: &str, user: Option<&str>, command: &[String]) -> Result<Remote, Error> {
        let target = self.op.race(self.answering_target(name, user)).await?;
        Ok(Remote::start(target, command)?)
    }

    async fn answering_target(&self, name: &str, user: Option<&str>) -> Result<Target, Error> {
        GuestAgent::of(self.op).await_running(&self.op.client().domains().resolve(name).await?).await?;
        self.ssh_target(name, user).await
    }

    pub(in crate::manager) async fn ssh_target(
        &self,
        name: &str,
        user: Option<&str>,
    ) -> Result<Target, Error> {
        let domain = self.running(name).await?;
        let Some(socket) = self.ssh_socket_of(&domain).await? else {
            return Err(EndpointError::NoAddress { name: domain.name }.into());
        };
        let mut target = self.target(&domain, socket)?;
        if let Some(user) = user {
            user.clone_into(&mut target.user);
        }
        Ok(target)
    }

    async fn running(&self, name: &str) -> Result<Domain, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        if !self.op.client().domains().state(id.uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: id.name }.into());
        }
        let domain = self.op.client().definitions().current(id.uuid).await?;
        if domain.interfaces.is_empty() {
            return Err(EndpointError::NoNetwork { name: domain.name }.into());
        }
        Ok(domain)
    }

    /// Where the running VM's ssh server answers, as far as an address is known.
    pub(in crate::manager) async fn ssh_socket_of(
        &self,
        domain: &Domain,
    ) -> Result<Option<SocketAddr>, Error> {
        match ssh_socket(domain, &[]) {
            Some(forwarded) => Ok(Some(forwarded)),
            None => Ok(ssh_socket(domain, &self.addresses_of(domain).await?)),
        }
    }

    /// The addresses at which this host reaches the running VM: by lease, agent and ARP together, those
    /// of its own interfaces, IPv4 first.
    pub(in crate::manager) async fn addresses_of(&self, domain: &Domain) -> Result<Vec<IpAddr>, Error> {
        let has_others = domain.interfaces.iter().any(|interface| !is_user_mode(interface));
        if !has_others && is_forwarded(domain.metadata.as_ref()) {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let mut found = Vec::new();
        for source in [AddressSource::Lease, AddressSource::Agent, AddressSource::Arp] {
            if source == AddressSource::Agent && !domain.has_agent_channel {
                continue;
            }
            found.extend(self.op.client().domains().addresses(domain.uuid, source).await?);
            if knows_enough(domain, &found) {
                break;
            }
        }
        Ok(reachable(domain, found.iter().map(|address| (address.mac.as_str(), address.ip))))
    }

    /// For ssh to what answers at `socket`.
    pub(in crate::manager) fn target(&self, domain: &Domain, socket: SocketAddr) -> Result<Target, Error> {
        let access = domain.metadata.as_ref().and_then(|record| record.ssh.as_ref());
        let own_key = self.op.paths().data_folder().join("id_ed25519");
        let mut identity_files: Vec<PathBuf> =
            access.into_iter().flat_map(|access| access.identities.iter().map(PathBuf::from)).collect();
        if own_key.is_file() && !identity_files.contains(&own_key) {
            identity_files.push(own_key);
        }
        Ok(Target {
            address: socket.ip(),
            port: socket.port(),
            user: access.map_or_else(default_user, |access| access.user.clone()),
            identities_only: access.is_some() && !identity_files.is_empty(),
            identity_files,
            known_host: access.and_then(|access| access.host_key.clone()),
            uuid: domain.uuid,
            state_folder: self.op.paths().state_folder().to_owned(),
        })
    }
}

/// The port of 127.0.0.1 that leads to the VM's ssh server, behind user-mode networking.
pub(in crate::manager) fn forwarded_port(domain: &Domain) -> Option<u16> {
    domain.metadata.as_ref()?.ssh.as_ref()?.forwarded_port
}

/// Whether ports of 127.0.0.1 lead to the VM.
pub(in crate::manager) fn is_forwarded(record: Option<&Metadata>) -> bool {
    let has_ssh = |record: &Metadata| record.ssh.as_ref().is_some_and(|ssh| ssh.forwarded_port.is_some());
    record.is_some_and(|record| !record.published.is_empty() || has_ssh(record))
}

/// Where the VM's ssh server answers when these are the addresses at which it is reached. A port that leads there is
/// sure to; an address that the agent tells may be on a network that this host is not on.
pub(in crate::manager) fn ssh_socket(domain: &Domain, ips: &[IpAddr]) -> Option<SocketAddr> {
    match forwarded_port(domain) {
        Some(port) => Some((Ipv4Addr::LOCALHOST, port).into()),
        None => Some((*ips.first()?, SSH_PORT).into()),
    }
}

/// The addresses at which this host reaches the VM, of those that are known by its interfaces' hardware addresses;
/// IPv4 first. Others are not its own: a container's bridge in the guest has some. Behind user-mode networking the guest
/// has an address that means nothing here, or is this host's own.
pub(in crate::manager) fn reachable<'a>(
    domain: &Domain,
    known: impl Iterator<Item = (&'a str, IpAddr)>,
) -> Vec<IpAddr> {
    let (mut ips, mut behind) = (Vec::new(), Vec::new());
    for (mac, ip) in known {
        match domain.interfaces.iter().find(|interface| interface.mac == mac) {
            Some(interface) if is_user_mode(interface) => behind.push(ip),
            Some(_) => ips.push(ip),
            None => {}
        }
    }
    if ips.is_empty() {
        ips = if is_forwarded(domain.metadata.as_ref()) { vec![Ipv4Addr::LOCALHOST.into()] } else { behind };
    }
    ips.sort_by_key(|ip| ip.is_ipv6());
    ips.dedup();
    ips
}

/// Whether no further source has to be asked: an interface that can be reached has its address.
pub(in crate::manager) fn knows_enough(domain: &Domain, found: &[Address]) -> bool {
    let is_only = domain.interfaces.iter().all(is_user_mode);
    let mut enough = domain.interfaces.iter().filter(|interface| is_only || !is_user_mode(interface));
    enough.any(|interface| found.iter().any(|address| address.mac == interface.mac))
}

fn is_user_mode(interface: &Interface) -> bool {
    interface.kind == InterfaceKind::User
}

/// On VMs that others made, the same user as here, as ssh does.
fn default_user() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "root".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A VM with an interface of each kind, whose addresses end in their places from 1.
    fn domain(kinds: &[&str], record: &str) -> Domain {
        let interface = |(at, kind): (usize, &&str)| {
            let source = if *kind == "network" { "<source network='n'/>" } else { "" };
            format!(
                "<interface type='{kind}'><mac address='52:54:00:00:00:0{}'/>{source}</interface>",
                at + 1
            )
        };
        let interfaces: String = kinds.iter().enumerate().map(interface).collect();
        let document = format!(
            "<domain><metadata><v:vm xmlns:v='urn:vmtools:vm:1'>{record}</v:vm></metadata>\
             <devices>{interfaces}</devices></domain>"
        );
        Domain::parse(&document).expect("parses")
    }

    fn ips(domain: &Domain, known: &[u8]) -> Vec<String> {
        let known = known.iter().map(|n| (format!("52:54:00:00:00:0{n}"), IpAddr::from([10, 0, 0, *n])));
        let known: Vec<_> = known.collect();
        let known = known.iter().map(|(mac, ip)| (mac.as_str(), *ip));
        reachable(domain, known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_of_this_host_is_none_of_the_vms_where_another_is_known() {
        let ssh = "<v:ssh user='u' port='2222'/>";
        let publish = "<v:publish>8080:80</v:publish>";
        let mixed = domain(&["user", "network", "network"], ssh);
        assert_eq!(ips(&mixed, &[1, 2, 3]), ["10.0.0.2", "10.0.0.3"]);
        assert_eq!(ips(&mixed, &[1]), ["127.0.0.1"]);
        assert_eq!(ips(&domain(&["user", "network"], ""), &[1]), ["10.0.0.1"]);
        assert_eq!(ips(&domain(&["user"], ""), &[]), Vec::<String>::new());
        assert_eq!(ips(&domain(&["user"], publish), &[1]), ["127.0.0.1"]);
        // Another's interface in the guest.
        assert_eq!(ips(&domain(&["network"], ""), &[1, 7]), ["10.0.0.1"]);
        let socket =
            |domain: &Domain, ips: &[IpAddr]| ssh_socket(domain, ips).map(|socket| socket.to_string());
        let addresses = [IpAddr::from([10, 0, 0, 2])];
        assert_eq!(socket(&mixed, &addresses).as_deref(), Some("127.0.0.1:2222"));
        assert_eq!(socket(&domain(&["network"], ""), &addresses).as_deref(), Some("10.0.0.2:22"));
        assert_eq!(socket(&domain(&["network"], ""), &[]), None);
    }
}
