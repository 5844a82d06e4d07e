use super::VmManager;
use crate::config::{Config, Paths};
use crate::host::{self, Socket};
use crate::libvirt::{self, Client};
use crate::model::{ConnectionUri, UriChoice};

impl VmManager {
    /// A manager for the connection that was chosen. With [`UriChoice::Auto`] the system daemon is taken
    /// if its socket lets this user in, else the session. Nothing is started yet.
    pub async fn connect(choice: &UriChoice, config: Config, paths: Paths) -> Self {
        let client = match choice {
            UriChoice::Uri(uri) => Client::new(uri.clone()),
            UriChoice::Auto => automatic().await,
        };
        Self::new(client, config, paths)
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
