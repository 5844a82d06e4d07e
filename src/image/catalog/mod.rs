//! The images that have a name: built in, and by a user's file of the same form.

mod document;
mod entry;
#[cfg(test)]
mod tests;

pub use entry::{Build, Checksum, CpuFloor, Entry, Provisioner};

use std::path::Path;

use document::parse;

use crate::image::Error as ImageError;
use crate::model::Invalid;
use crate::model::nearest;
use crate::system::fs;

const BUILTIN: &str = include_str!("catalog.toml");

/// Images by name. Earlier entries hide later ones.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// What is wrong in a catalogue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] fs::Error),
    /// It is no TOML, or not of a catalogue's form.
    #[error("it is not a catalogue")]
    Toml(#[from] toml::de::Error),
    /// A name or URL in it can't be taken.
    #[error("its entry {entry:?} cannot be used")]
    Entry {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: Invalid,
    },
    /// A name stands twice in it.
    #[error("it contains the name {0:?} twice")]
    Twice(String),
}

impl Catalog {
    /// The images that vmtools knows by itself.
    ///
    /// # Errors
    /// Never, in a program that passed its tests.
    pub fn builtin() -> Result<Self, ImageError> {
        let entries =
            parse(BUILTIN).map_err(|source| ImageError::Catalog { path: None, source: Box::new(source) })?;
        Ok(Self { entries })
    }

    /// The built-in images, and those of the user's file, which come first. Blocks.
    ///
    /// # Errors
    /// When the file is missing, or is no valid catalogue.
    pub fn load(user_file: Option<&Path>) -> Result<Self, ImageError> {
        let builtin = Self::builtin()?;
        let Some(path) = user_file else { return Ok(builtin) };
        let mut entries = std::fs::read_to_string(path)
            .map_err(|source| fs::Error::at("read", path)(source).into())
            .and_then(|text| parse(&text))
            .map_err(|source| ImageError::Catalog {
                path: Some(path.to_owned()),
                source: Box::new(source),
            })?;
        for entry in builtin.entries {
            if !entries.iter().any(|user| user.name == entry.name) {
                entries.push(entry);
            }
        }
        Ok(Self { entries })
    }

    /// All images, the user's first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The image called `name`: by its name, else by an alias. Case doesn't matter.
    ///
    /// # Errors
    /// [`ImageError::UnknownImage`], with the names that look most like it.
    pub fn resolve(&self, name: &str) -> Result<&Entry, ImageError> {
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        self.entries
            .iter()
            .find(|entry| same(&entry.name))
            .or_else(|| self.entries.iter().find(|entry| entry.aliases.iter().any(|alias| same(alias))))
            .ok_or_else(|| ImageError::UnknownImage { name: name.to_owned(), nearest: self.nearest(name) })
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        nearest(name, self.entries.iter().flat_map(Entry::names).map(String::as_str))
    }
}
