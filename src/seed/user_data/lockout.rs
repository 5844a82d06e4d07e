//! What in user-data keeps vmtools' own user from logging in, as far as that can be known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fault::{UserDataFault, UserDataWarning};
use super::parts;
use super::yaml::Yaml;
use super::{Entry, UserData, Users};
use crate::seed::Error;

/// Where sshd's configuration lies, and what it includes.
const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";

impl UserData {
    /// What it says of this user: entries of the name, and entries of the default user if that is who it is, or
    /// may be.
    pub(in crate::seed) fn entries_of(
        &self,
        user: &str,
        image_user: Option<&str>,
    ) -> Result<Vec<Entry>, Error> {
        let is_default = image_user.is_none_or(|image_user| image_user == user);
        let is_of = |entry: &Entry| entry.name.as_deref().map_or(is_default, |name| name == user);
        let of_users = match self.users()? {
            Some(Users::List(entries)) => entries,
            Some(Users::Mapping(members)) => members.into_iter().filter_map(|(_, entry)| entry).collect(),
            Some(Users::Names(_) | Users::Nothing) | None => Vec::new(),
        };
        Ok(of_users.into_iter().chain(self.default_user()).filter(is_of).collect())
    }

    /// # Errors
    /// [`UserDataFault::LocksOut`].
    pub(in crate::seed) fn check_access(&self, user: &str, image_user: Option<&str>) -> Result<(), Error> {
        let locks_out = |key| Error::UserData(UserDataFault::LocksOut { key, user: user.to_owned() });
        if let Some(key) = self.entries_of(user, image_user)?.iter().find_map(Entry::keeps_out) {
            return Err(locks_out(key));
        }
        if user == "root" && self.last("disable_root").is_some_and(Yaml::is_true) {
            return Err(locks_out("disable_root"));
        }
        Ok(())
    }

    /// Whether the user's password would expire at once, so that nothing but changing it can be done; and
    /// whether it is said so and not only the default of cloud-init (cc_set_passwords.py).
    pub(in crate::seed) fn expires(&self, user: &str, image_user: Option<&str>) -> Option<Said> {
        let changes = self.last("chpasswd");
        let listed = |key: &str| changes.and_then(|changes| changes.get(key));
        let of_list = listed("list").map(|list| match list {
            Yaml::Text(lines) => lines.lines().map(str::to_owned).collect::<Vec<_>>(),
            list => list.texts().into_iter().map(str::to_owned).collect(),
        });
        let of_list = of_list.unwrap_or_default();
        let mut names: Vec<&str> =
            of_list.iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
        if let Some(Yaml::List(users)) = listed("users") {
            names.extend(users.iter().filter_map(|user| user.get("name")?.text()));
        }
        let has_password = self.last("password").is_some_and(|password| *password != Yaml::Null);
        let default_user = self.default_user().and_then(|entry| entry.name);
        let is_default = match (&default_user, image_user) {
            (Some(name), _) => name == user,
            (None, image_user) => image_user.is_none_or(|image_user| image_user == user),
        };
        let is_changed = names.contains(&user) || (names.is_empty() && has_password && is_default);
        let said = listed("expire");
        match said {
            _ if !is_changed => None,
            Some(value) if value.is_true() => Some(Said::Yes),
            Some(_) => None,
            None => Some(Said::ByDefault),
        }
    }

    /// The warnings that apply if vmtools logs in as this user.
    pub(in crate::seed) fn warnings_for(
        &self,
        user: &str,
        image_user: Option<&str>,
    ) -> Result<Vec<UserDataWarning>, Error> {
        let name = || user.to_owned();
        let mut warnings = Vec::new();
        for entry in self.entries_of(user, image_user)? {
            if let Some(shell) = entry.shell_of_nobody() {
                warnings.push(UserDataWarning::Shell { user: name(), shell: shell.to_owned() });
            }
        }
        if self.expires(user, image_user) == Some(Said::Yes) {
            warnings.push(UserDataWarning::PasswordExpires { user: name() });
        }
        let files = self.sshd_files();
        // Each line of it allows more users, wherever it stands.
        let is_allowed = files.iter().any(|(_, content)| allows(content, user));
        for (path, content) in files {
            if let Some(directive) = keeps_out(&content, user, is_allowed) {
                warnings.push(UserDataWarning::SshdConfig { user: name(), path, directive });
            }
        }
        Ok(warnings)
    }

    /// The files of sshd's configuration that it writes, with their content.
    fn sshd_files(&self) -> Vec<(String, String)> {
        let lists = self.all("write_files").filter_map(|files| match files {
            Yaml::List(files) => Some(files),
            _ => None,
        });
        let of_sshd = |file: &Yaml| {
            let path = file.get("path")?.text().filter(|path| path.starts_with(SSHD_CONFIG))?;
            Some((path.to_owned(), content_of(file)?))
        };
        lists.flatten().filter_map(of_sshd).collect()
    }
}

/// How something that is so was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::seed) enum Said {
    Yes,
    ByDefault,
}

/// What is written to a file, decoded (cc_write_files.py).
fn content_of(file: &Yaml) -> Option<String> {
    let content = file.get("content")?.text()?;
    let encoding = file.get("encoding").and_then(Yaml::text).unwrap_or_default().to_ascii_lowercase();
    let mut bytes = content.as_bytes().to_vec();
    if encoding.contains("b64") || encoding.contains("base64") {
        bytes.retain(|byte| !byte.is_ascii_whitespace());
        bytes = STANDARD.decode(&bytes).ok()?;
    }
    if encoding.contains("gz") {
        bytes = parts::unpack(&bytes).ok()?;
    }
    String::from_utf8(bytes).ok()
}

/// The lines of sshd's configuration that hold for everybody: a word in small letters, as it is written, and its
/// values. What stands below a `Match` holds for some only (sshd_config(5)).
fn directives(config: &str) -> impl Iterator<Item = (String, &str, Vec<&str>)> {
    let lines = config.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = lines.map(|line| {
        let (word, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let values = rest.split_whitespace().map(|value| value.trim_matches('"')).collect();
        (word.to_ascii_lowercase(), word, values)
    });
    words.take_while(|(word, ..)| word != "match")
}

fn names_user(patterns: &[&str], user: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.split('@').next().unwrap_or_default(), user))
}

/// Whether a line of it allows the user to log in; such lines add up.
fn allows(config: &str, user: &str) -> bool {
    directives(config).any(|(word, _, patterns)| word == "allowusers" && names_user(&patterns, user))
}

/// The first word in sshd's configuration that keeps the user out, or keeps out who has no password.
fn keeps_out(config: &str, user: &str, is_allowed: bool) -> Option<String> {
    let keeps_out = |word: &str, values: &[&str]| {
        let is = |wanted: &str| values.first().is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        match word {
            "allowusers" => !is_allowed,
            "denyusers" => names_user(values, user),
            // Who is in which group is known in the guest only.
            "allowgroups" => true,
            "pubkeyauthentication" => is("no"),
            "authenticationmethods" => {
                !is("any")
                    && !values
                        .iter()
                        .any(|methods| methods.split(',').all(|one| one.starts_with("publickey")))
            }
            "port" => !is("22"),
            "permitrootlogin" => user == "root" && is("no"),
            _ => false,
        }
    };
    directives(config).find(|(word, _, values)| keeps_out(word, values)).map(|(_, word, _)| word.to_owned())
}

/// A pattern of sshd's: `*` and `?` stand for others.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches(rest, &text[at..]))
        }
        Some(c) => {
            let mut rest = text.chars();
            match rest.next() {
                Some(d) if c == '?' || c == d => matches(&pattern[c.len_utf8()..], rest.as_str()),
                _ => false,
            }
        }
    }
}
