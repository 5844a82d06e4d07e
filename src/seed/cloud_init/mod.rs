mod setup;
#[cfg(test)]
mod tests;
mod users;

use std::fmt;

use serde_json::{Map, Value, json};

use self::setup::setup_keys;
use super::user_data::mime::{self, Part};
use super::user_data::{Said, UserData, UserDataWarning};
use super::{Documents, Error, HostKey, PasswordHash};
use crate::model::{GuestSetup, Invalid, SharedFolder, check_guest_user};

/// Gives the guest a machine-id of its own. systemd takes the VM's UUID for it where the firmware tells that
/// (systemd-machine-id-setup(1)), but first D-Bus' copy, so that goes too. A guest that has none needs none.
const RENEW_MACHINE_ID: &str = "[ -e /etc/machine-id ] || exit 0; \
    rm -f /etc/machine-id /var/lib/dbus/machine-id; \
    systemd-machine-id-setup || dbus-uuidgen --ensure=/etc/machine-id; \
    [ ! -d /var/lib/dbus ] || ln -sf /etc/machine-id /var/lib/dbus/machine-id";

/// A configuration for cloud-init's NoCloud data source, read at a VM's first boot.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CloudInit {
    /// A new one makes cloud-init take the VM for a new one: new host keys, new users.
    pub instance_id: String,
    /// The host's name; with dots it is the full one.
    pub hostname: String,
    /// Who gets the keys. It may or may not be the image's default user, or root.
    pub user: String,
    /// The user that the image makes by itself, if it is known.
    pub image_user: Option<String>,
    /// OpenSSH public keys, a line each.
    pub authorized_keys: Vec<String>,
    /// The VM's ssh host key, so that it is known before the first connection.
    pub host_key: Option<HostKey>,
    /// The VM's network interfaces, `52:54:00:..`. Without any, one document is written that matches by name,
    /// which only netplan and systemd-networkd understand: see [`Documents::network_config`].
    pub mac_addresses: Vec<String>,
    /// The user's password, for the console and where sudo asks; `None` locks it.
    pub password: Option<PasswordHash>,
    /// What the template has it do; a user's own lists come before.
    pub setup: GuestSetup,
    /// The host's directories that it mounts, at each of its starts.
    pub folders: Vec<SharedFolder>,
    /// A file of the user's own, of any form that cloud-init knows.
    pub user_data: Option<Vec<u8>>,
    /// Whether the image was another VM's disk, of which the machine-id has to go: cloud-init renews host keys
    /// and the host's name for a new instance, but not that.
    pub renew_machine_id: bool,
}

impl CloudInit {
    /// The documents.
    ///
    /// With a user's own user-data there are several parts: defaults of ours, theirs, and again ours: the user with
    /// the keys, and the host key. By cloud-init's rules a later part replaces what an earlier one
    /// said, so theirs wins over the defaults; the last ones ask to be added instead and to replace nothing, so a
    /// `users:` of theirs doesn't lock vmtools out.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AuthorizedKey`], [`Error::UserData`], [`Error::CloudConfig`].
    pub fn to_documents(&self) -> Result<Documents, Error> {
        self.check()?;
        let user_data = match &self.user_data {
            None => {
                let mut all = self.defaults();
                all.extend(self.access());
                all.insert("users".into(), json!(["default", self.user_entry(&[])]));
                cloud_config(&all)?
            }
            Some(theirs) => self.with_theirs(theirs)?,
        };
        Ok(Documents {
            user_data,
            meta_data: to_json(
                "meta-data",
                &json!({"instance-id": self.instance_id, "local-hostname": self.hostname}),
            )?,
            network_config: to_json("network-config", &self.network())?,
        })
    }

    /// The warnings about the user's own user-data, now that it is known whom vmtools logs in as.
    ///
    /// # Errors
    /// Those of [`crate::seed::check_user_data`].
    pub fn warnings(&self) -> Result<Vec<UserDataWarning>, Error> {
        match &self.user_data {
            Some(theirs) => UserData::read(theirs)?.warnings_for(&self.user, self.image_user.as_deref()),
            None => Ok(Vec::new()),
        }
    }

    fn with_theirs(&self, theirs: &[u8]) -> Result<Vec<u8>, Error> {
        let data = UserData::read(theirs)?;
        let mut defaults = self.defaults();
        defaults.insert("users".into(), json!(["default"]));
        let mut access = self.access();
        if data.expires(&self.user, self.image_user.as_deref()) == Some(Said::ByDefault) {
            // Else our user would have to change it before anything else, at a terminal.
            access.insert("chpasswd".into(), json!({"expire": false}));
        }
        access.insert("merge_how".into(), "dict(no_replace,recurse_list)+list(append)".into());
        let mut parts = vec![part("vmtools-defaults", &defaults)?, mime::users_part(theirs)?];
        for (name, document) in self.user_parts(&data)?.into_iter().chain([("vmtools-access", access)]) {
            parts.push(part(name, &document)?);
        }
        Ok(mime::multipart(&parts))
    }

    /// What a user's own file may change.
    fn defaults(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("hostname".into(), short_name(&self.hostname).into());
        if self.hostname.contains('.') {
            map.insert("fqdn".into(), self.hostname.clone().into());
        }
        map.insert("ssh_pwauth".into(), false.into());
        map
    }

    /// What vmtools needs to get in.
    fn access(&self) -> Map<String, Value> {
        let mut map = Map::new();
        // Else a clone keeps its parent's.
        map.insert("ssh_deletekeys".into(), true.into());
        if let Some(key) = &self.host_key {
            let keys = json!({"ed25519_private": key.private, "ed25519_public": key.public});
            map.insert("ssh_keys".into(), keys);
        }
        if self.user == "root" {
            // Else each key gets a command that says to log in as somebody else.
            map.insert("disable_root".into(), false.into());
        }
        // In the last part, whose lists are appended.
        map.extend(setup_keys(&self.setup));
        if !self.folders.is_empty() {
            let mounts: Vec<_> = self.folders.iter().map(SharedFolder::fstab).collect();
            map.insert("mounts".into(), json!(mounts));
        }
        if self.renew_machine_id {
            let once = ["cloud-init-per", "instance", "vmtools-machine-id", "sh", "-c", RENEW_MACHINE_ID];
            map.insert("bootcmd".into(), json!([once]));
        }
        map
    }

    fn network(&self) -> Value {
        let interface = |matching: Value| {
            // DHCP by machine-id gives a clone its parent's address.
            json!({"match": matching, "dhcp4": true, "dhcp6": false, "dhcp-identifier": "mac"})
        };
        let mut ethernets = Map::new();
        if self.mac_addresses.is_empty() {
            ethernets.insert("all".into(), interface(json!({"name": "e*"})));
        }
        for (number, mac) in self.mac_addresses.iter().enumerate() {
            let mac = mac.to_ascii_lowercase();
            ethernets.insert(format!("eth{number}"), interface(json!({"macaddress": mac})));
        }
        json!({"version": 2, "ethernets": ethernets})
    }

    fn check(&self) -> Result<(), Error> {
        check_name("instance id", &self.instance_id, 128, |c| {
            c.is_ascii_alphanumeric() || "._-".contains(c)
        })?;
        check_name("hostname", &self.hostname, 253, |c| c.is_ascii_alphanumeric() || ".-".contains(c))?;
        let labels = self.hostname.split('.');
        if labels.into_iter().any(|label| {
            label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-')
        }) {
            let reason = "each part has 1 to 63 letters, digits and inner dashes";
            return Err(Invalid::new("hostname", &self.hostname, reason).into());
        }
        check_guest_user(&self.user)?;
        self.mac_addresses.iter().try_for_each(|mac| check_mac(mac))?;
        let keys = self.authorized_keys.iter().enumerate();
        keys.into_iter().try_for_each(|(index, key)| check_key(index + 1, key))
    }
}

impl fmt::Debug for CloudInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudInit")
            .field("instance_id", &self.instance_id)
            .field("hostname", &self.hostname)
            .field("user", &self.user)
            .field("image_user", &self.image_user)
            .field("authorized_keys", &self.authorized_keys)
            .field("host_key", &self.host_key)
            .field("mac_addresses", &self.mac_addresses)
            .field("password", &self.password)
            .field("packages", &self.setup.packages)
            .field("folders", &self.folders)
            .field("user_data_bytes", &self.user_data.as_ref().map(Vec::len))
            .field("renew_machine_id", &self.renew_machine_id)
            .finish()
    }
}

/// A cloud-config by its file's name.
type Document = (&'static str, Map<String, Value>);

fn part(file_name: &'static str, document: &Map<String, Value>) -> Result<Part, Error> {
    Ok(Part::Content { content_type: "text/cloud-config", file_name, bytes: cloud_config(document)? })
}

fn cloud_config(map: &Map<String, Value>) -> Result<Vec<u8>, Error> {
    let mut bytes = b"#cloud-config\n".to_vec();
    bytes.extend(to_json("user-data", map)?);
    Ok(bytes)
}

/// JSON in lines, for those who look into the seed.
fn to_json(document: &'static str, value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|source| Error::Document { document, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn short_name(hostname: &str) -> &str {
    hostname.split('.').next().unwrap_or(hostname)
}

fn check_name(what: &'static str, value: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), Invalid> {
    if value.is_empty() || value.len() > max {
        return Err(Invalid::new(what, value, format!("it must have 1 to {max} characters")));
    }
    match value.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(Invalid::new(what, value, format!("{c:?} is not allowed"))),
        None => Ok(()),
    }
}

fn check_mac(mac: &str) -> Result<(), Invalid> {
    let parts: Vec<&str> = mac.split(':').collect();
    let is_hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.len() == 6 && parts.iter().all(is_hex) {
        return Ok(());
    }
    Err(Invalid::new("MAC address", mac, "expected 52:54:00:12:34:56"))
}

/// The error does not contain the key: it may be a private one, by mistake.
fn check_key(number: usize, key: &str) -> Result<(), Error> {
    let refuse = |reason| Err(Error::AuthorizedKey { number, reason });
    if key.contains("PRIVATE KEY") {
        return refuse("it is a private key; use the .pub file");
    }
    if key.chars().any(|c| c.is_control() && c != '\t') {
        return refuse("it is more than one line of text");
    }
    if key.split_whitespace().count() < 2 || key.trim_start().starts_with('#') {
        return refuse("expected `ssh-ed25519 AAAA.. comment`");
    }
    Ok(())
}
