use super::{Error, VmManager};

/// A network of libvirt.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkStatus {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// Whether it is up.
    pub active: bool,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// The bridge on the host.
    pub bridge: Option<String>,
    /// `nat`, `route`, `bridge`, ... ; `None` for an isolated network.
    pub forward: Option<String>,
    /// The host's addresses on it, such as `192.168.122.1/24`.
    pub addresses: Vec<String>,
    /// Whether libvirt gives addresses there.
    pub dhcp: bool,
}

impl VmManager {
    /// All networks of libvirt, by name.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn networks(&self) -> Result<Vec<NetworkStatus>, Error> {
        let networks = self.client.networks().await?.into_iter();
        Ok(networks
            .map(|network| NetworkStatus {
                name: network.name,
                uuid: network.uuid,
                active: network.active,
                autostart: network.autostart,
                bridge: network.bridge,
                forward: network.forward,
                addresses: network.addresses,
                dhcp: network.dhcp,
            })
            .collect())
    }
}
