//! Ignition's configuration, for images that are set up by it: Fedora CoreOS, Flatcar.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Error, HostKey, PasswordHash};

/// The oldest version of the specification that has `merge`, and that every Ignition 2 knows.
const VERSION: &str = "3.0.0";

/// An Ignition configuration for a VM's first boot.
pub struct Ignition<'a> {
    /// The user's own configuration, JSON of version 3.
    pub config: &'a [u8],
    /// The host's name.
    pub hostname: &'a str,
    /// Who gets the keys; `core`, where nobody says otherwise.
    pub user: &'a str,
    /// OpenSSH public keys, a line each.
    pub authorized_keys: &'a [String],
    /// The VM's ssh host key.
    pub host_key: Option<&'a HostKey>,
    /// The user's password; `None` leaves it as the image has it.
    pub password: Option<&'a PasswordHash>,
}

impl Ignition<'_> {
    /// The document: a small one that gives access and name, with the user's own merged in, whose word
    /// goes before ours; of keys and files the guest gets both.
    ///
    /// # Errors
    /// [`Error::Ignition`] when the user's own is no JSON, or of another version.
    pub fn to_document(&self) -> Result<Vec<u8>, Error> {
        check_ignition(self.config)?;
        let mut files = vec![file("/etc/hostname", 0o644, format!("{}\n", self.hostname).as_bytes())];
        if let Some(key) = self.host_key {
            files.push(file("/etc/ssh/ssh_host_ed25519_key", 0o600, key.private.as_bytes()));
            files.push(file(
                "/etc/ssh/ssh_host_ed25519_key.pub",
                0o644,
                format!("{}\n", key.public).as_bytes(),
            ));
        }
        let mut user = json!({"name": self.user, "sshAuthorizedKeys": self.authorized_keys});
        if let Some(password) = self.password {
            user["passwordHash"] = json!(password.as_str());
        }
        let document = json!({
            "ignition": {
                "version": VERSION,
                "config": {"merge": [{"source": data_url(self.config)}]},
            },
            "passwd": {"users": [user]},
            "storage": {"files": files},
        });
        serde_json::to_vec(&document).map_err(|source| Error::Document { document: "ignition", source })
    }
}

/// Looks a user's own configuration over.
///
/// # Errors
/// [`Error::Ignition`], with line and column where it is no JSON.
pub fn check_ignition(config: &[u8]) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::Ignition { reason });
    let document: Value = match serde_json::from_slice(config) {
        Ok(document) => document,
        // serde_json tells the line and the column.
        Err(error) => return refuse(error.to_string()),
    };
    match document["ignition"]["version"].as_str() {
        Some(version) if version.starts_with("3.") => Ok(()),
        Some(version) => refuse(format!("its version is {version}, but 3 is required")),
        None => refuse("it has no `ignition.version`; Butane generates it from a .bu file".to_owned()),
    }
}

fn file(path: &str, mode: u32, content: &[u8]) -> Value {
    json!({"path": path, "mode": mode, "overwrite": true, "contents": {"source": data_url(content)}})
}

fn data_url(content: &[u8]) -> String {
    format!("data:;base64,{}", STANDARD.encode(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_is_merged_into_access_and_name() {
        let given = br#"{"ignition": {"version": "3.4.0"}}"#;
        let host_key = HostKey { private: "PRIVATE".into(), public: "ssh-ed25519 AAAB".into() };
        let keys = ["ssh-ed25519 AAAA ada".to_owned()];
        let password = PasswordHash::of("secret").expect("taken");
        let ignition = Ignition {
            config: given,
            hostname: "web",
            user: "core",
            authorized_keys: &keys,
            host_key: Some(&host_key),
            password: Some(&password),
        };
        let document: Value =
            serde_json::from_slice(&ignition.to_document().expect("document")).expect("JSON");
        assert_eq!(document["ignition"]["version"], "3.0.0");
        let source = document["ignition"]["config"]["merge"][0]["source"].as_str().expect("source");
        let encoded = source.strip_prefix("data:;base64,").expect("a data URL");
        assert_eq!(STANDARD.decode(encoded).expect("base64"), given);
        let user = &document["passwd"]["users"][0];
        assert_eq!(user["sshAuthorizedKeys"][0], keys[0]);
        assert_eq!(user["passwordHash"], password.as_str());
        let files = document["storage"]["files"].as_array().expect("files");
        assert_eq!((files.len(), &files[1]["mode"]), (3, &json!(0o600)));
    }

    #[test]
    fn what_ignition_would_not_take_is_refused() {
        let reason = |text: &str| match check_ignition(text.as_bytes()) {
            Err(Error::Ignition { reason }) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason("{\"ignition\": {\n\"version\" 3}}").contains("line 2"));
        assert!(reason("{\"ignition\": {\"version\": \"2.3.0\"}}").contains("2.3.0"));
        assert!(reason("{}").contains("version"));
        assert!(reason("variant: fcos\n").contains("line 1"));
    }
}
