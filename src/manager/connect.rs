use std::sync::Arc;

use super::{Error, Interrupt, Observer, VmManager};
use crate::config::{Config, Paths};
use crate::host::{self, Socket};
use crate::libvirt::{self, Client};
use crate::model::{ConnectionUri, UriChoice};

impl VmManager {
    /// A manager for the connection that was chosen. With [`UriChoice::Auto`] the system daemon is taken
    /// if its socket lets this user in, else the session. Nothing is started yet.
    pub async fn connect(
        choice: &UriChoice,
        config: Config,
        paths: Paths,
        observer: Arc<dyn Observer>,
        interrupt: Interrupt,
    ) -> Self {
        let client = match choice {
            UriChoice::Uri(uri) => Client::new(uri.clone()),
            UriChoice::Auto => automatic().await,
        };
        let aside = Client::new(client.uri().clone());
        Self { client, aside, config, paths, observer, interrupt }
    }

    /// How many VMs the connection has that `auto` did not pick, if it can be told without starting a
    /// daemon or asking for rights.
    pub(super) async fn vms_elsewhere(&self) -> Result<Option<(ConnectionUri, usize)>, Error> {
        let other = if self.uri().is_session() { ConnectionUri::system() } else { ConnectionUri::session() };
        if !self.uri().is_local() || host::is_root() {
            return Ok(None);
        }
        let socket =
            if other.is_session() { host::probe_session().await } else { host::probe_system().await };
        if !matches!(socket, Socket::Reachable { .. }) {
            return Ok(None);
        }
        let count = self.client.count_on(&other).await?;
        Ok((count > 0).then_some((other, count)))
    }
}

/// For root the session is the system. A socket that takes connections from everybody says nothing yet:
/// polkit may refuse behind it, so libvirt is asked.
async fn automatic() -> Client {
    if host::is_root() {
        return Client::new(ConnectionUri::system());
    }
    if matches!(host::probe_system().await, Socket::Reachable { .. }) {
        let system = Client::new(ConnectionUri::system());
        if !matches!(system.probe().await, Err(libvirt::Error::Denied { .. })) {
            return system;
        }
    }
    Client::new(ConnectionUri::session())
}
