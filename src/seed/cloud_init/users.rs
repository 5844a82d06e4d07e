//! vmtools' own user beside those of a user's own file.
//!
//! cloud-init merges parts key by key, and lets a later part ask how. How `users` has to be asked for depends on the
//! form that the file gives it:
//!
//! | `users` of the file | our part |
//! |---|---|
//! | a list, or none | a list of ours, put before theirs: made first, so that no mistake in an entry of theirs comes before it |
//! | names with commas | a list of the same names and ours, in its place |
//! | a mapping | a mapping of ours, added |
//! | nothing (`users:`) | a list of ours, in its place |
//!
//! Of two entries of one name the first holds (ug_util.py, _normalize_users), and lists in it are not joined: so an
//! entry of the file for our own user is joined here, keys of both.

use serde_json::{Map, Value, json};

use super::{CloudInit, Document};
use crate::seed::Error;
use crate::seed::user_data::{Entry, UserData, UserDataFault, Users};

const PREPEND: &str = "dict(no_replace,recurse_list)+list(prepend)";
const APPEND: &str = "dict(no_replace,recurse_list)+list(append)";
/// A key whose value is null goes.
const DELETE: &str = "dict(no_replace,allow_delete)+list(append)";

/// What an entry says of a password.
const PASSWORD: [&str; 4] = ["lock_passwd", "passwd", "hashed_passwd", "plain_text_passwd"];

impl CloudInit {
    /// The parts that add our user to those of the file, to be read in this order.
    pub(super) fn user_parts(&self, theirs: &UserData) -> Result<Vec<Document>, Error> {
        theirs.check_access(&self.user, self.image_user.as_deref())?;
        let users = theirs.users()?.unwrap_or_else(|| Users::List(Vec::new()));
        // The key `user` of before, where it is about ours.
        let of_user = theirs.default_user().filter(|entry| self.is_ours(entry));
        let of_user: Vec<&Entry> = of_user.iter().collect();
        let mut parts = match users {
            Users::List(entries) => {
                vec![part("vmtools-user", self.before(&entries, &of_user).into(), Some(PREPEND))]
            }
            Users::Names(names) => {
                let others = names.iter().filter(|name| **name != self.user).map(|name| json!(name));
                let all: Vec<Value> = std::iter::once(self.user_entry(&of_user)).chain(others).collect();
                vec![part("vmtools-user", all.into(), None)]
            }
            Users::Nothing => vec![part("vmtools-user", json!([self.user_entry(&of_user)]), None)],
            Users::Mapping(members) => self.in_mapping(&members)?,
        };
        if of_user.iter().any(|entry| entry.says(&["ssh_authorized_keys"])) {
            // Before cloud-init 26.2 what is said of the default user goes before what is said by its name.
            self.check_keys(of_user)?;
            parts.push(self.key_of_user());
        }
        Ok(parts)
    }

    /// The entries of a list that stand before theirs.
    fn before(&self, theirs: &[Entry], of_user: &[&Entry]) -> Vec<Value> {
        let of = |name: Option<&str>| -> Vec<&Entry> {
            theirs.iter().filter(|entry| entry.name.as_deref() == name).collect()
        };
        let of_ours = [of(Some(&self.user)), of_user.to_vec()].concat();
        let mut entries = vec![self.user_entry(&of_ours)];
        let of_default = of(None);
        let their_keys: Vec<String> = of_default.iter().flat_map(|entry| entry.authorized_keys()).collect();
        if self.may_be_default() && !their_keys.is_empty() {
            // As with the key `user`.
            entries.push(json!({"name": "default", "ssh_authorized_keys": self.keys_with(their_keys)}));
        }
        entries
    }

    fn in_mapping(&self, members: &[(String, Option<Entry>)]) -> Result<Vec<Document>, Error> {
        let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, entry)| entry);
        let mut parts = Vec::new();
        let theirs: Vec<&Entry> = match member(&self.user) {
            None => Vec::new(),
            Some(Some(entry)) => vec![entry],
            Some(None) => {
                // Just a name, beside which nothing can be said.
                parts.push(part("vmtools-user-anew", json!({&self.user: null}), Some(DELETE)));
                Vec::new()
            }
        };
        self.check_keys(theirs.iter().copied())?;
        let mut ours = self.user_entry(&theirs);
        if let Some(entry) = ours.as_object_mut() {
            entry.remove("name");
            entry.insert("ssh_authorized_keys".into(), json!(self.authorized_keys));
        }
        let mut users = Map::new();
        users.insert(self.user.clone(), ours);
        if let Some(Some(entry)) = member("default")
            && self.may_be_default()
            && entry.says(&["ssh_authorized_keys"])
        {
            self.check_keys([entry])?;
            users.insert("default".into(), json!({"ssh_authorized_keys": self.authorized_keys}));
        }
        parts.push(part("vmtools-user", users.into(), Some(APPEND)));
        Ok(parts)
    }

    /// Our keys beside those that the key `user` has.
    fn key_of_user(&self) -> Document {
        let mut document = Map::new();
        document.insert("user".into(), json!({"ssh_authorized_keys": self.authorized_keys}));
        document.insert("merge_how".into(), APPEND.into());
        ("vmtools-default-user", document)
    }

    fn is_ours(&self, entry: &Entry) -> bool {
        entry.name.as_ref().map_or(self.may_be_default(), |name| *name == self.user)
    }

    fn check_keys<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), Error> {
        match entries.into_iter().all(Entry::takes_more_keys) {
            true => Ok(()),
            false => Err(Error::UserData(UserDataFault::Keys { user: self.user.clone() })),
        }
    }

    /// Whether ours is the image's own user, or may be.
    fn may_be_default(&self) -> bool {
        self.image_user.as_ref().is_none_or(|image_user| *image_user == self.user)
    }

    /// Theirs first, each once.
    fn keys_with(&self, theirs: Vec<String>) -> Vec<String> {
        let mut keys = theirs;
        keys.extend(self.authorized_keys.iter().cloned());
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.trim().to_owned()));
        keys
    }

    /// `default` stands beside it in the list: if this is the image's default user, cloud-init merges what is
    /// said here with what the image says of it, such as its groups. If it is not, it is a user beside it.
    ///
    /// Where both speak, the image's word holds before cloud-init 26.2, ours since (cloud-init#6860,
    /// distros/ug_util.py), so nothing is said here that an image may know better: Alpine has no bash. Nor what an
    /// entry of the user's own file says.
    pub(super) fn user_entry(&self, theirs: &[&Entry]) -> Value {
        let say = |keys: &[&str]| theirs.iter().any(|entry| entry.says(keys));
        let their_keys = theirs.iter().flat_map(|entry| entry.authorized_keys()).collect();
        let mut entry = json!({"name": self.user, "ssh_authorized_keys": self.keys_with(their_keys)});
        if let Some(password) = &self.password {
            entry["lock_passwd"] = false.into();
            // Unlike `passwd` it counts for a user whom the image has already.
            entry["hashed_passwd"] = password.as_str().into();
        } else if !say(&PASSWORD) {
            entry["lock_passwd"] = true.into();
        }
        if self.user != "root" {
            if !say(&["sudo", "doas"]) {
                entry["sudo"] = "ALL=(ALL) NOPASSWD:ALL".into();
            }
            if self.image_user.as_ref() != Some(&self.user) && !say(&["shell"]) {
                // Debian's useradd would take sh.
                entry["shell"] = "/bin/bash".into();
            }
        }
        entry
    }
}

fn part(name: &'static str, users: Value, merge_how: Option<&str>) -> Document {
    let mut document = Map::new();
    document.insert("users".into(), users);
    if let Some(how) = merge_how {
        document.insert("merge_how".into(), how.into());
    }
    (name, document)
}
