//! A user's own user-data: what cloud-init will make of it, and whether vmtools gets in all the same.
//!
//! ```text
//! bytes ─ unpack ─ parts (MIME, archives) ─ cloud-configs ─ users, keys, sshd's configuration
//!            │              │                    │
//!            └──────────────┴────────────────────┴─ refused, or a warning
//! ```
//!
//! What cloud-init takes is taken. What it would pass over as a whole, or what would make it fail before it
//! has made vmtools' user, is refused; what it would pass over in part is warned of.

mod cloud_config;
mod fault;
mod keys;
mod lockout;
mod message;
pub(in crate::seed) mod mime;
mod parts;
#[cfg(test)]
mod tests;
mod users;
mod yaml;

pub use fault::{UserDataFault, UserDataWarning};
pub(in crate::seed) use lockout::Said;
pub(in crate::seed) use users::{Entry, Users};

use self::parts::{Content, Kind};
use self::yaml::Yaml;
use super::{Error, HostKey};

/// User-data that has been looked over.
#[derive(Debug, Clone)]
pub(in crate::seed) struct UserData {
    configs: Vec<Config>,
    /// The warnings that do not depend on the VM's user.
    warnings: Vec<UserDataWarning>,
}

/// A cloud-config in it.
#[derive(Debug, Clone)]
struct Config {
    /// A mapping.
    top: Yaml,
    /// Whether it says itself how it is merged with those before it; else its keys replace theirs.
    merges: bool,
    /// Whether its values are made in the guest.
    is_template: bool,
}

/// Looks a file of user-data over and tells what of it cloud-init will pass over.
///
/// # Errors
/// [`Error::UserData`] when cloud-init would pass the whole over, or make no user; [`Error::CloudConfig`], with line
/// and column: no YAML, not a mapping, a value of the wrong kind.
pub fn check_user_data(user_data: &[u8]) -> Result<Vec<UserDataWarning>, Error> {
    Ok(UserData::read(user_data)?.warnings)
}

/// Checks that user-data lets vmtools log in as `user`, where the image makes `image_user`.
///
/// # Errors
/// Those of [`check_user_data`]; [`UserDataFault::LocksOut`].
pub fn check_login(user_data: &[u8], user: &str, image_user: Option<&str>) -> Result<(), Error> {
    UserData::read(user_data)?.check_access(user, image_user)
}

/// The ed25519 host key that user-data gives the guest, if it gives one: cloud-init takes it before another, so that
/// is the key by which the guest is known.
///
/// # Errors
/// Those of [`check_user_data`]; when it is no such key.
pub fn host_key_in(user_data: &[u8]) -> Result<Option<HostKey>, Error> {
    let data = UserData::read(user_data)?;
    let private = data.last("ssh_keys").and_then(|keys| keys.get("ed25519_private")).and_then(Yaml::text);
    let Some(private) = private else { return Ok(None) };
    // The public half is told by the private one, whatever stands beside it.
    let public = ssh_key::PrivateKey::from_openssh(private).and_then(|key| key.public_key().to_openssh());
    match public {
        Ok(public) => Ok(Some(HostKey { private: private.to_owned(), public })),
        Err(_) => Err(Error::UserData(UserDataFault::HostKey)),
    }
}

impl UserData {
    pub(in crate::seed) fn read(user_data: &[u8]) -> Result<Self, Error> {
        let bytes = mime::check_bytes(user_data)?;
        let (contents, mut warnings) = parts::contents(&bytes).map_err(Error::UserData)?;
        let is_one = contents.len() == 1;
        let mut configs = Vec::new();
        for content in &contents {
            let part = (!is_one).then_some(content.number);
            configs.extend(Config::read(content, part, &mut warnings)?);
        }
        let data = Self { configs, warnings };
        data.users()?;
        if let Some(groups) = data.last("groups") {
            users::check_groups(groups).map_err(Error::UserData)?;
        }
        Ok(data)
    }

    /// Who is in it, once cloud-init has merged its parts.
    pub(in crate::seed) fn users(&self) -> Result<Option<Users>, Error> {
        let mut all: Option<Users> = None;
        for config in &self.configs {
            let Some(value) = config.top.get("users") else { continue };
            let users = Users::of(value).map_err(Error::UserData)?;
            // What a template makes of it is not known here.
            if config.is_template && !users.is_list() {
                return Err(Error::UserData(UserDataFault::Users));
            }
            all = Some(match (all, users) {
                (Some(Users::List(before)), Users::List(more)) if config.merges => {
                    Users::List([before, more].concat())
                }
                (Some(_), _) if config.merges => {
                    return Err(Error::UserData(UserDataFault::UsersOfSeveralForms));
                }
                (None, users) if config.merges && !users.is_list() => {
                    // The list of the default user stands before it.
                    return Err(Error::UserData(UserDataFault::Users));
                }
                (_, users) => users,
            });
        }
        Ok(all)
    }

    /// Whom the key `user` makes the default user.
    pub(in crate::seed) fn default_user(&self) -> Option<Entry> {
        self.last("user").and_then(Entry::of_user)
    }

    /// The value that a key has at last.
    fn last(&self, key: &str) -> Option<&Yaml> {
        self.configs.iter().rev().find_map(|config| config.top.get(key))
    }

    /// All values that a key has.
    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Yaml> {
        self.configs.iter().filter_map(move |config| config.top.get(key))
    }
}

impl Config {
    /// `None` for what is no cloud-config, or can't be read before its template is filled in.
    fn read(
        content: &Content,
        part: Option<usize>,
        warnings: &mut Vec<UserDataWarning>,
    ) -> Result<Option<Self>, Error> {
        let text = String::from_utf8_lossy(&content.bytes);
        let (top, is_template) = match content.kind {
            Kind::CloudConfig => {
                let (top, unknown) = cloud_config::check(&text).map_err(|mistake| Error::CloudConfig {
                    part,
                    line: mistake.line,
                    column: mistake.column,
                    reason: mistake.reason,
                })?;
                warnings.extend(unknown);
                (top, false)
            }
            Kind::Jinja if text.lines().nth(1).is_some_and(|line| line.starts_with("#cloud-config")) => {
                match cloud_config::parse(&text) {
                    Ok(Some(top @ Yaml::Mapping(_))) => (top, true),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let merges = content.merges || top.get("merge_how").is_some() || top.get("merge_type").is_some();
        Ok(Some(Self { top, merges, is_template }))
    }
}
