//! Who is in user-data, in all the forms that cloud-init takes (distros/ug_util.py).

use super::fault::UserDataFault;
use super::yaml::Yaml;

/// The name of an entry that says something of the image's own user.
const DEFAULT: &str = "default";
/// What keeps the keys of a user from being written, or the user from being made.
const KEEPS_OUT: [&str; 4] = ["snapuser", "system", "no_create_home", "ssh_redirect_user"];

/// The form that `users` has.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::seed) enum Users {
    /// A list, of names and of mappings; what is not said is the list of the default user.
    List(Vec<Entry>),
    /// Names with commas between.
    Names(Vec<String>),
    /// A mapping of names.
    Mapping(Vec<(String, Option<Entry>)>),
    /// Nothing, which makes cloud-init make nobody.
    Nothing,
}

/// What is said of a user.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::seed) struct Entry {
    /// `None` is the image's own user.
    pub(in crate::seed) name: Option<String>,
    values: Yaml,
}

impl Users {
    /// # Errors
    /// When cloud-init fails at it, or takes it for nobody.
    pub(super) fn of(value: &Yaml) -> Result<Self, UserDataFault> {
        match value {
            Yaml::Null => Ok(Self::Nothing),
            Yaml::Text(text) => Ok(Self::Names(names(text))),
            Yaml::List(items) => {
                let entries = items.iter().enumerate().map(|(index, item)| entries(item, index + 1));
                Ok(Self::List(entries.collect::<Result<Vec<_>, _>>()?.concat()))
            }
            Yaml::Mapping(members) => {
                let member = |(index, (name, value)): (usize, &(String, Yaml))| match value {
                    Yaml::Mapping(_) => Ok((name.clone(), Some(Entry::of(name, value.clone())))),
                    Yaml::Bool(_) | Yaml::Text(_) => Ok((name.clone(), None)),
                    Yaml::Null | Yaml::List(_) => Err(UserDataFault::UserEntry { number: index + 1 }),
                };
                Ok(Self::Mapping(members.iter().enumerate().map(member).collect::<Result<_, _>>()?))
            }
            Yaml::Bool(_) => Err(UserDataFault::Users),
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }
}

impl Entry {
    fn of(name: &str, values: Yaml) -> Self {
        Self { name: Some(name.to_owned()).filter(|name| name != DEFAULT), values }
    }

    /// Of the key `user` of before, whose values are those of the image's own user.
    pub(super) fn of_user(value: &Yaml) -> Option<Self> {
        match value {
            Yaml::Text(name) if !name.is_empty() => Some(Self::of(name, Yaml::Mapping(Vec::new()))),
            Yaml::Mapping(_) => {
                let name = value.get("name").and_then(Yaml::text).unwrap_or(DEFAULT);
                Some(Self::of(name, value.clone()))
            }
            _ => None,
        }
    }

    fn get(&self, key: &str) -> Option<&Yaml> {
        let Yaml::Mapping(members) = &self.values else { return None };
        // cloud-init takes dashes for underscores here.
        members.iter().find(|(name, _)| name.trim().replace('-', "_") == key).map(|(_, value)| value)
    }

    /// Whether it says something of one of these.
    pub(in crate::seed) fn says(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.get(key).is_some())
    }

    /// Its keys for ssh; one alone may be a text.
    pub(in crate::seed) fn authorized_keys(&self) -> Vec<String> {
        let keys = self.get("ssh_authorized_keys").map(Yaml::texts).unwrap_or_default();
        keys.into_iter().map(str::to_owned).collect()
    }

    /// Whether a list of keys can be added to what it has.
    pub(in crate::seed) fn takes_more_keys(&self) -> bool {
        matches!(self.get("ssh_authorized_keys"), None | Some(Yaml::List(_)))
    }

    /// A shell in which nobody can work.
    pub(in crate::seed) fn shell_of_nobody(&self) -> Option<&str> {
        let shell = self.get("shell")?.text()?;
        ["/nologin", "/false", "/true"].iter().any(|end| shell.ends_with(end)).then_some(shell)
    }

    /// What in it keeps the keys of the user from being written.
    pub(in crate::seed) fn keeps_out(&self) -> Option<&'static str> {
        let counts = |key: &&&str| match self.get(key) {
            // Any value of it makes it another kind of user.
            Some(value) if **key == "snapuser" => *value != Yaml::Null,
            Some(Yaml::Text(text)) if **key == "ssh_redirect_user" && text == DEFAULT => true,
            Some(value) => value.is_true(),
            None => false,
        };
        KEEPS_OUT.iter().find(counts).copied()
    }
}

/// Names with commas between, or several of them.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What one item of a list says of whom.
fn entries(item: &Yaml, number: usize) -> Result<Vec<Entry>, UserDataFault> {
    let nothing = || Yaml::Mapping(Vec::new());
    let of_names = |names: Vec<String>| names.iter().map(|name| Entry::of(name, nothing())).collect();
    match item {
        Yaml::Text(text) => Ok(of_names(names(text))),
        Yaml::List(_) => Ok(of_names(item.texts().into_iter().flat_map(names).collect())),
        Yaml::Mapping(_) => {
            let name = item.get("name").and_then(Yaml::text).unwrap_or(DEFAULT);
            Ok(vec![Entry::of(name, item.clone())])
        }
        Yaml::Null | Yaml::Bool(_) => Err(UserDataFault::UserEntry { number }),
    }
}

/// Refuses what cloud-init fails at (_normalize_groups): then no user is made either.
pub(super) fn check_groups(value: &Yaml) -> Result<(), UserDataFault> {
    let are_members = |value: &Yaml| matches!(value, Yaml::Text(_) | Yaml::List(_));
    let right = match value {
        Yaml::Text(_) => true,
        Yaml::List(items) => items.iter().all(|item| match item {
            Yaml::Text(_) => true,
            Yaml::Mapping(members) => members.iter().all(|(_, value)| are_members(value)),
            _ => false,
        }),
        Yaml::Mapping(members) => members.iter().all(|(_, value)| are_members(value)),
        Yaml::Null | Yaml::Bool(_) => false,
    };
    if right { Ok(()) } else { Err(UserDataFault::Groups) }
}
