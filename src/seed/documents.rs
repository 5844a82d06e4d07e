use std::fmt;

/// The documents of a seed.
#[derive(Clone, PartialEq, Eq)]
pub struct Documents {
    /// `#cloud-config`, or MIME with several parts. It may hold a private key.
    pub user_data: Vec<u8>,
    /// JSON, which is YAML.
    pub meta_data: Vec<u8>,
    /// JSON, which is YAML: network configuration, version 2, DHCP on all interfaces.
    ///
    /// By MAC address where these are known: cloud-init's NetworkManager, sysconfig and eni renderers
    /// (Fedora, RHEL and its kin, openSUSE, Alpine) don't know `match: {name: ..}` and take the entry's key
    /// for the interface's name (cloudinit/net/network_state.py, handle_ethernets).
    pub network_config: Vec<u8>,
}

/// An ed25519 key of a host.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The private key in OpenSSH's form.
    pub private: String,
    /// The public key in OpenSSH's form, one line.
    pub public: String,
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents")
            .field("user_data_bytes", &self.user_data.len())
            .field("meta_data", &String::from_utf8_lossy(&self.meta_data))
            .field("network_config", &String::from_utf8_lossy(&self.network_config))
            .finish()
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKey").field("public", &self.public).finish_non_exhaustive()
    }
}
