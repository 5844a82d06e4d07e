//! The images that have a name: built in, and by a user's file of the same form.

mod entry;

pub use entry::{CpuFloor, Entry};

use std::path::Path;

use serde::Deserialize;

use crate::image::Error as ImageError;
use crate::model::Invalid;
use crate::system::fs;

const BUILTIN: &str = include_str!("catalog.toml");
/// How alike two names have to be, of 1, for one to be offered for the other.
const LIKENESS: f64 = 0.75;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    image: Vec<Entry>,
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
        nearest(name, self.entries.iter().flat_map(Entry::names))
    }
}

/// Those of `known` that look like `name`, the nearest first, three at most.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let wanted = name.to_ascii_lowercase();
    let mut alike: Vec<(f64, &str)> = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&wanted, &known.to_ascii_lowercase()), known.as_str()))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike.dedup_by_key(|(_, known)| *known);
    alike.into_iter().take(3).map(|(_, known)| known.to_owned()).collect()
}

fn parse(text: &str) -> Result<Vec<Entry>, Error> {
    let document: Document = toml::from_str(text)?;
    let mut names = std::collections::BTreeSet::new();
    for entry in &document.image {
        entry.check().map_err(|source| Error::Entry { entry: entry.name.clone(), source })?;
        for name in entry.names() {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(Error::Twice(name.clone()));
            }
        }
    }
    Ok(document.image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::CpuFloor;
    use crate::model::Firmware;

    const USER: &str = r#"
        [[image]]
        name = "debian-13"
        aliases = ["mine"]
        url = "https://mirror.example/debian.qcow2"
        checksum_url = "https://mirror.example/SHA512SUMS"
        checksum_format = "gnu"
        checksum_algorithm = "sha512"
    "#;

    fn load(text: &str) -> Result<Catalog, ImageError> {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("writes");
        Catalog::load(Some(file.path()))
    }

    #[test]
    fn the_builtin_one_is_valid_and_knows_the_common_names() {
        let catalog = Catalog::builtin().expect("valid");
        for (alias, name, user) in [
            ("ubuntu", "ubuntu-24.04", "ubuntu"),
            ("debian", "debian-13", "debian"),
            ("Debian-12", "debian-12", "debian"),
            ("fedora", "fedora-44", "fedora"),
            ("alma", "alma-10", "almalinux"),
            ("rocky", "rocky-10", "rocky"),
            ("centos", "centos-stream-10", "cloud-user"),
            ("arch", "arch", "arch"),
            ("alpine", "alpine-3.23", "alpine"),
            ("opensuse", "opensuse-16.0", "opensuse"),
        ] {
            let entry = catalog.resolve(alias).expect(alias);
            assert_eq!((entry.name.as_str(), entry.default_user.as_deref()), (name, Some(user)));
        }
        assert!(catalog.entries().iter().all(|entry| {
            entry.url.starts_with("https://") && entry.checksum_url.starts_with("https://")
        }));
        let alma = catalog.resolve("alma-10").expect("alma");
        assert_eq!((alma.firmware, alma.cpu_floor), (Some(Firmware::Efi), Some(CpuFloor::V3)));
    }

    #[test]
    fn an_unknown_name_gets_its_neighbours() {
        let catalog = Catalog::builtin().expect("valid");
        let Err(ImageError::UnknownImage { nearest, .. }) = catalog.resolve("ubunut") else {
            panic!("should be unknown")
        };
        assert_eq!(nearest.first().map(String::as_str), Some("ubuntu"));
        let Err(ImageError::UnknownImage { nearest, .. }) = catalog.resolve("zzz") else {
            panic!("should be unknown")
        };
        assert!(nearest.is_empty());
    }

    #[test]
    fn a_users_entry_takes_the_place_of_ours() {
        let catalog = load(USER).expect("valid");
        for name in ["mine", "debian-13"] {
            let entry = catalog.resolve(name).expect("found");
            assert_eq!(entry.url, "https://mirror.example/debian.qcow2");
            assert_eq!(entry.arch, "x86_64");
        }
        assert!(catalog.resolve("ubuntu").is_ok());
    }

    #[test]
    fn each_malformed_shape() {
        for text in [
            "[[image",
            "image = 3",
            "[[image]]\nname = \"x\"",
            &USER.replace("sha512\"", "md5\""),
            &USER.replace("https://mirror.example/debian.qcow2", "/etc/passwd"),
            &USER.replace("name =", "nmae ="),
            &USER.replace("\"mine\"", "\"a b\""),
            &USER.replace("\"mine\"", "\"debian-13\""),
        ] {
            assert!(matches!(load(text), Err(ImageError::Catalog { .. })), "{text}");
        }
        let missing = Catalog::load(Some(Path::new("/no/such/catalog.toml")));
        assert!(matches!(missing, Err(ImageError::Catalog { .. })));
    }
}
