//! What plain ssh needs to know of VMs.

use std::net::IpAddr;

use serde::Serialize;

use crate::guest;
use crate::manager::Error;
use crate::manager::guest::GuestAccess;

/// A VM for the user's own ssh.
#[derive(Debug, Clone, Serialize)]
pub struct SshHost {
    /// The VM.
    pub name: String,
    /// Where it is reached.
    pub host: IpAddr,
    /// The port there.
    pub port: u16,
    /// The user in the guest.
    pub user: String,
    /// The keys' files.
    pub identity_files: Vec<String>,
    /// All that an entry of ssh_config(5) says, in its syntax.
    pub settings: Vec<(&'static str, String)>,
}

impl GuestAccess<'_> {
    /// What plain ssh needs to know of the VM. Its known_hosts file is written.
    ///
    /// # Errors
    /// When the VM is off, or no source knows an address of it.
    pub async fn ssh_host(&self, name: &str) -> Result<SshHost, Error> {
        let target = self.ssh_target(name, None).await?;
        let settings = guest::settings(&target).map_err(guest::Error::from)?;
        let identity_files = target.identity_files.iter().map(|file| file.display().to_string());
        Ok(SshHost {
            name: name.to_owned(),
            host: target.address,
            port: target.port,
            user: target.user,
            identity_files: identity_files.collect(),
            settings,
        })
    }
}
