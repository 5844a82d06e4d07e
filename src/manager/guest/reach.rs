//! Where a VM is reached, and how.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::guest::{self, Remote, Target};
use crate::libvirt::{Address, AddressSource, Domain};
use crate::manager::guest::GuestAccess;
use crate::manager::guest::GuestAgent;
use crate::manager::{Error, ReachError, VmError};

/// Where this host reaches a VM.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Reach {
    /// The VM.
    pub name: String,
    /// Its addresses, the first one the best. A VM behind user-mode networking is reached at 127.0.0.1,
    /// by its published ports.
    pub ips: Vec<IpAddr>,
    /// The port that leads to its ssh server.
    pub ssh_port: u16,
}

impl GuestAccess<'_> {
    /// Where the VM is reached.
    ///
    /// # Errors
    /// When it is shut off, or no source knows an address of it.
    pub async fn reach(&self, name: &str) -> Result<Reach, Error> {
        let domain = self.running(name).await?;
        let ips = self.addresses_of(&domain).await?;
        if ips.is_empty() {
            return Err(ReachError::NoAddress { name: domain.name }.into());
        }
        Ok(Reach { ssh_port: forwarded_port(&domain).unwrap_or(22), name: domain.name, ips })
    }

    /// Becomes ssh: a session on the VM, or a command there that gets a terminal. Gives why that failed.
    pub async fn become_ssh(self, name: &str, user: Option<&str>, command: &[String]) -> Error {
        let target = match self.answering_target(name, user).await {
            Ok(target) => target,
            Err(error) => return error,
        };
        // The open virsh would outlive this process.
        self.op.client().rest().await;
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
        let Some(address) = self.addresses_of(&domain).await?.first().copied() else {
            return Err(ReachError::NoAddress { name: domain.name }.into());
        };
        let mut target = self.target(&domain, address)?;
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
            return Err(ReachError::NoNetwork { name: domain.name }.into());
        }
        Ok(domain)
    }

    /// The addresses at which this host reaches the running VM: by lease, agent and ARP together, those
    /// of its own interfaces, IPv4 first.
    pub(in crate::manager) async fn addresses_of(&self, domain: &Domain) -> Result<Vec<IpAddr>, Error> {
        if forwarded_port(domain).is_some() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let mut found = Vec::new();
        for source in [AddressSource::Lease, AddressSource::Agent, AddressSource::Arp] {
            if source == AddressSource::Agent && !domain.has_agent_channel {
                continue;
            }
            found.extend(self.op.client().domains().addresses(domain.uuid, source).await?);
            if !own_addresses(domain, &found).is_empty() {
                break;
            }
        }
        Ok(own_addresses(domain, &found))
    }

    pub(in crate::manager) fn target(&self, domain: &Domain, address: IpAddr) -> Result<Target, Error> {
        let access = domain.metadata.as_ref().and_then(|record| record.ssh.as_ref());
        let own_key = self.op.paths().data_folder().join("id_ed25519");
        let mut identity_files: Vec<PathBuf> =
            access.into_iter().flat_map(|access| access.identities.iter().map(PathBuf::from)).collect();
        if own_key.is_file() && !identity_files.contains(&own_key) {
            identity_files.push(own_key);
        }
        Ok(Target {
            address,
            port: forwarded_port(domain).unwrap_or(22),
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

/// Of all addresses those of the VM's own interfaces: a container's bridge in the guest has others.
pub(in crate::manager) fn own_addresses(domain: &Domain, found: &[Address]) -> Vec<IpAddr> {
    let is_own = |address: &&Address| domain.interfaces.iter().any(|interface| interface.mac == address.mac);
    let mut ips: Vec<IpAddr> = found.iter().filter(is_own).map(|address| address.ip).collect();
    ips.sort_by_key(|ip| ip.is_ipv6());
    ips.dedup();
    ips
}

/// On VMs that others made, the same user as here, as ssh does.
fn default_user() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "root".into())
}
