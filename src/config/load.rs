use toml::de::DeTable;

use super::document::Document;
use super::element::{KEYS, Key};
use super::error::{Error, Position, Warning};
use super::paths::Paths;
use super::raw::{Places, Raw};
use super::settings::Config;
use super::value::Value;
use crate::model::nearest;

/// What was read, with what the reader stumbled over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was read.
    pub value: T,
    /// The keys that mean nothing, in the file's order.
    pub warnings: Vec<Warning>,
}

/// A key with the value that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key with its section.
    pub key: &'static str,
    /// The value that holds.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is built in.
    Default,
    /// It stands in config.toml.
    File(Position),
}

/// The user's configuration.
///
/// # Errors
/// When config.toml can't be read, is not TOML, or holds a value that can't be taken.
pub fn load_config(paths: &Paths) -> Result<Loaded<Config>, Error> {
    let (config, _, warnings) = read_file(paths)?;
    Ok(Loaded { value: config, warnings })
}

/// Every key with the value that holds, and the warnings of [`load_config`].
///
/// # Errors
/// Those of [`load_config`].
pub fn show(paths: &Paths) -> Result<Loaded<Vec<Setting>>, Error> {
    let (mut config, found, warnings) = read_file(paths)?;
    let setting = |key: &Key| Setting {
        key: key.name,
        value: (key.show)(&mut config),
        source: found
            .iter()
            .find(|(name, _)| *name == key.name)
            .map_or(Source::Default, |(_, at)| Source::File(at.clone())),
    };
    Ok(Loaded { value: KEYS.iter().map(setting).collect(), warnings })
}

/// The value that holds for `key`, such as "defaults.memory".
///
/// # Errors
/// [`Error::UnknownKey`], and those of [`load_config`].
pub fn value_of(paths: &Paths, key: &str) -> Result<Value, Error> {
    let known = known_key(key)?;
    let (mut config, _, _) = read_file(paths)?;
    Ok((known.show)(&mut config))
}

/// The key of that name.
pub(super) fn known_key(name: &str) -> Result<&'static Key, Error> {
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| Error::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, KEYS.iter().map(|key| key.name)),
    })
}

/// What relative paths and `~` mean in config.toml.
pub(super) fn places(paths: &Paths) -> Places {
    Places {
        home: paths.home().to_owned(),
        // Whoever sets a relative path on the command line means another folder than the file's.
        folder: None,
    }
}

type KeyPositions = Vec<(&'static str, Position)>;

fn read_file(paths: &Paths) -> Result<(Config, KeyPositions, Vec<Warning>), Error> {
    match Document::load(&paths.config_file())? {
        None => Ok((Config::default(), Vec::new(), Vec::new())),
        Some(document) => read(&document, &places(paths)),
    }
}

/// The configuration in `document`, and where each key stands.
fn read(document: &Document, places: &Places) -> Result<(Config, KeyPositions, Vec<Warning>), Error> {
    let mut config = Config::default();
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for (section, value) in &document.parse()? {
        let name: &str = section.get_ref();
        let mut sections = KEYS.iter().filter_map(|key| key.name.split('.').next());
        if !sections.clone().any(|known| known == name) {
            // A key at the top that belongs into a section is recognized too.
            let known = sections.by_ref().chain(KEYS.iter().map(|key| key.name));
            warnings.push(document.unknown(name, section.span(), known));
            continue;
        }
        let table = Raw::new(value, places).table().map_err(|refusal| document.refused(name, refusal))?;
        read_section(document, places, name, table, &mut |key, raw, at| {
            found.push((key.name, at));
            (key.read)(&mut config, raw).map_err(|refusal| document.refused(key.name, refusal))
        })?
        .into_iter()
        .for_each(|warning| warnings.push(warning));
    }
    warnings.sort_by_key(|warning| (warning.at.line, warning.at.column));
    Ok((config, found, warnings))
}

type Visit<'v> = &'v mut dyn FnMut(&'static Key, Raw<'_>, Position) -> Result<(), Error>;

fn read_section(
    document: &Document,
    places: &Places,
    section: &str,
    table: &DeTable<'_>,
    visit: Visit<'_>,
) -> Result<Vec<Warning>, Error> {
    let mut warnings = Vec::new();
    for (key, value) in table {
        let name = format!("{section}.{}", key.get_ref());
        match KEYS.iter().find(|known| known.name == name) {
            Some(known) => visit(known, Raw::new(value, places), document.position(key.span().start))?,
            None => warnings.push(document.unknown(&name, key.span(), KEYS.iter().map(|key| key.name))),
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests;
