//! The guest's system: what it is, its time, its addresses, its users' keys.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Done, commands_with_arguments, plain_commands};

plain_commands! {
    /// Which operating system it is.
    GetOsinfo = "guest-get-osinfo" -> OsInfo;
    /// What the guest calls itself.
    GetHostName = "guest-get-host-name" -> HostName;
    /// The guest's network interfaces and their addresses.
    NetworkGetInterfaces = "guest-network-get-interfaces" -> Vec<GuestInterface>;
}

commands_with_arguments! {
    SetTime = "guest-set-time" -> Done;
    SshAddAuthorizedKeys = "guest-ssh-add-authorized-keys" -> Done;
}

/// The reply to [`GetOsinfo`]: os-release(5)'s words on Linux, of which all may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct OsInfo {
    /// Such as `debian`; of Windows `mswindows`.
    pub id: Option<String>,
    /// Such as `Debian GNU/Linux`.
    pub name: Option<String>,
    /// Such as `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: Option<String>,
    /// Such as `12`. Windows' agent says `N/A` for a version that is later than itself.
    pub version_id: Option<String>,
    /// Such as `6.1.0-50-cloud-amd64`; of Windows its build's number.
    pub kernel_release: Option<String>,
    /// Such as `x86_64`.
    pub machine: Option<String>,
}

impl OsInfo {
    /// Whether it is Windows, which has no `sh`.
    pub fn is_windows(&self) -> bool {
        self.id.as_deref() == Some("mswindows")
    }
}

/// The reply to [`GetHostName`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostName {
    /// The name; may have a domain.
    pub host_name: String,
}

/// One of [`NetworkGetInterfaces`]'.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GuestInterface {
    /// Such as `enp1s0`; of Windows such as `Ethernet 2`.
    pub name: String,
    /// Its hardware address, if it has one; of the loopback device zeros.
    #[serde(default)]
    pub hardware_address: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub ip_addresses: Vec<GuestAddress>,
}

/// An address of the guest's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GuestAddress {
    /// As the guest writes it: Windows puts the interface's number behind link-local ones, `fe80::1%6`.
    ip_address: String,
    /// The length of its network's prefix, in bits.
    pub prefix: u8,
}

impl GuestAddress {
    /// The address, without the interface's number. `None` when it is not understood.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip_address.split('%').next()?.parse().ok()
    }
}

/// Sets the guest's clock, its hardware clock too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SetTime {
    /// Nanoseconds since 1970, UTC; `None` takes the hardware clock's, which Windows cannot.
    #[serde(rename = "time", skip_serializing_if = "Option::is_none")]
    pub nanoseconds: Option<i64>,
}

/// Adds public keys to a user's authorized_keys, which is made if need be; a key that is there already is not added
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SshAddAuthorizedKeys {
    /// The user.
    pub username: String,
    /// The keys, each a line of authorized_keys.
    pub keys: Vec<String>,
    /// Whether the file is emptied first.
    pub reset: bool,
}
