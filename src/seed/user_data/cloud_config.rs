//! Looking over a `#cloud-config` before anything is made: cloud-init itself tells of its mistakes only in a log
//! inside the guest.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::fault::UserDataWarning;
use super::keys::{KEYS, LISTS};
use super::yaml::Yaml;

/// A mistake in a cloud-config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// From 1.
    pub(super) line: u64,
    /// From 1.
    pub(super) column: u64,
    pub(super) reason: String,
}

/// Reads a YAML document; `None` where its form is right and its values are of no kind that is known here.
///
/// # Errors
/// When it is no YAML.
pub(super) fn parse(text: &str) -> Result<Option<Yaml>, Mistake> {
    read::<Yaml>(text).map(Some).or_else(|_| read::<IgnoredAny>(text).map(|_| None))
}

/// Looks a cloud-config over: its top as a mapping, and the keys in it that cloud-init doesn't know.
///
/// # Errors
/// When it is no YAML, not a mapping, or a value is of the wrong kind.
pub(super) fn check(text: &str) -> Result<(Yaml, Vec<UserDataWarning>), Mistake> {
    let members: Vec<(String, Yaml)> = match read::<Top<Yaml>>(text) {
        Ok(top) => top.0,
        // Values that are of no kind that is known here are no mistakes.
        Err(_) => read::<Top<IgnoredAny>>(text)?.0.into_iter().map(|(key, _)| (key, Yaml::Null)).collect(),
    };
    for (key, value) in &members {
        if LISTS.contains(&key.as_str()) && !matches!(value, Yaml::List(_) | Yaml::Null) {
            let line = line_of(text, key).unwrap_or(0) as u64;
            return Err(Mistake { line, column: 1, reason: format!("`{key}` must be a list") });
        }
    }
    let unknown = members.iter().map(|(key, _)| key).filter(|key| !KEYS.contains(&key.as_str()));
    let warnings = unknown
        .map(|key| UserDataWarning::UnknownKey {
            key: key.clone(),
            line: line_of(text, key),
            nearest: nearest(key),
        })
        .collect();
    Ok((Yaml::Mapping(members), warnings))
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Mistake> {
    let options = serde_saphyr::options! { with_snippet: false, ignore_binary_tag_for_string: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = |find: fn(&serde_saphyr::Location) -> u64| error.location().as_ref().map_or(0, find);
        let (line, column) = (at(serde_saphyr::Location::line), at(serde_saphyr::Location::column));
        let said = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        // The formatter puts the place behind its words; the mistake has it already.
        let reason = said.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(&said);
        Mistake { line, column, reason: reason.to_owned() }
    })
}

fn nearest(key: &str) -> Option<&'static str> {
    let found = crate::model::nearest(key, KEYS.iter().copied()).into_iter().next()?;
    KEYS.iter().copied().find(|known| *known == found)
}

/// The line on which a key stands at the top level.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let plain = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().position(plain).map(|index| index + 1)
}

/// The top of a document: keys with their values.
struct Top<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Top<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor(std::marker::PhantomData))
    }
}

struct TopVisitor<V>(std::marker::PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for TopVisitor<V> {
    type Value = Top<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of cloud-init's keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<V>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Top(entries))
    }

    /// Nothing below the first line is a cloud-config too.
    fn visit_unit<E>(self) -> Result<Top<V>, E> {
        Ok(Top(Vec::new()))
    }
}
