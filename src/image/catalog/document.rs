//! A catalogue as it stands in a TOML file.

use serde::{Deserialize, Deserializer};

use super::Error;
use super::entry::{Build, Checksum, CpuFloor, Entry, Provisioner};
use crate::image::digest::checksum;
use crate::image::{HOST_ARCH, reference};
use crate::model::{Algorithm, Digest, Firmware, Invalid};

const MIXED: &str = "an entry with `build` tables must give these keys in them";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    image: Vec<ImageTable>,
}

/// An `[[image]]`. What is said of a build stands in the image's own table where it has only one, which is for this host
/// unless `arch` says otherwise: files had no other form before images were for several architectures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageTable {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    os: Option<String>,
    #[serde(default)]
    provisioner: Provisioner,
    default_user: Option<String>,
    checksum_format: Option<checksum::Format>,
    #[serde(default, deserialize_with = "algorithm")]
    checksum_algorithm: Option<Algorithm>,
    #[serde(default)]
    build: Vec<BuildTable>,
    arch: Option<String>,
    url: Option<String>,
    fallback_url: Option<String>,
    #[serde(default, deserialize_with = "digest")]
    checksum: Option<Digest>,
    checksum_url: Option<String>,
    fallback_checksum_url: Option<String>,
    firmware: Option<Firmware>,
    cpu_floor: Option<CpuFloor>,
}

/// An `[[image.build]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildTable {
    arch: String,
    url: String,
    fallback_url: Option<String>,
    #[serde(default, deserialize_with = "digest")]
    checksum: Option<Digest>,
    checksum_url: Option<String>,
    fallback_checksum_url: Option<String>,
    firmware: Option<Firmware>,
    cpu_floor: Option<CpuFloor>,
    default_user: Option<String>,
}

/// The entries of a catalogue, in its order.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Error> {
    let document: Document = toml::from_str(text)?;
    let mut names = std::collections::BTreeSet::new();
    let mut entries = Vec::new();
    for table in document.image {
        let name = table.name.clone();
        let entry = table.into_entry().map_err(|source| Error::Entry { entry: name, source })?;
        for name in entry.names() {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(Error::Twice(name.clone()));
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

impl ImageTable {
    fn into_entry(mut self) -> Result<Entry, Invalid> {
        let tables = self.take_builds()?;
        let builds: Vec<Build> =
            tables.into_iter().map(|table| self.build_of(table)).collect::<Result<_, _>>()?;
        let entry = Entry {
            name: self.name,
            aliases: self.aliases,
            os: self.os,
            provisioner: self.provisioner,
            builds,
        };
        check(&entry)?;
        Ok(entry)
    }

    /// The builds that stand in tables of their own, or else the one that stands in the image's table.
    fn take_builds(&mut self) -> Result<Vec<BuildTable>, Invalid> {
        let tables = std::mem::take(&mut self.build);
        let url = self.url.take();
        match (url, tables.is_empty()) {
            (None, true) => Err(self.refuse("it needs `url`, or a `build` that has one")),
            (Some(_), false) => Err(self.refuse(MIXED)),
            (None, false) if self.says_more_of_a_build() => Err(self.refuse(MIXED)),
            (None, false) => Ok(tables),
            (Some(url), true) => Ok(vec![BuildTable {
                arch: self.arch.take().unwrap_or_else(|| HOST_ARCH.to_owned()),
                url,
                fallback_url: self.fallback_url.take(),
                checksum: self.checksum.take(),
                checksum_url: self.checksum_url.take(),
                fallback_checksum_url: self.fallback_checksum_url.take(),
                firmware: self.firmware.take(),
                cpu_floor: self.cpu_floor.take(),
                default_user: None,
            }]),
        }
    }

    fn says_more_of_a_build(&self) -> bool {
        let urls = [&self.arch, &self.fallback_url, &self.checksum_url, &self.fallback_checksum_url];
        let others = [self.checksum.is_some(), self.firmware.is_some(), self.cpu_floor.is_some()];
        urls.into_iter().any(Option::is_some) || others.contains(&true)
    }

    fn build_of(&self, table: BuildTable) -> Result<Build, Invalid> {
        let published = (table.checksum_url, self.checksum_format, self.checksum_algorithm);
        let checksum = match (table.checksum, published) {
            (Some(digest), (None, ..)) => Checksum::Pinned(digest),
            (None, (Some(url), Some(format), Some(algorithm))) => {
                Checksum::Published { url, fallback_url: table.fallback_checksum_url, format, algorithm }
            }
            (Some(_), (Some(_), ..)) => {
                return Err(self.refuse("it has both `checksum` and `checksum_url`"));
            }
            (None, _) => {
                return Err(self.refuse(
                    "it needs `checksum_url`, `checksum_format` and `checksum_algorithm`, or `checksum`",
                ));
            }
        };
        Ok(Build {
            arch: table.arch,
            url: table.url,
            fallback_url: table.fallback_url,
            checksum,
            firmware: table.firmware,
            cpu_floor: table.cpu_floor,
            default_user: table.default_user.or_else(|| self.default_user.clone()),
        })
    }

    fn refuse(&self, reason: &str) -> Invalid {
        Invalid::new("image", &self.name, reason)
    }
}

/// Checks what TOML alone doesn't.
fn check(entry: &Entry) -> Result<(), Invalid> {
    for name in entry.names() {
        if !reference::is_catalog_name(name) {
            return Err(Invalid::new(
                "image name",
                name,
                "only letters, digits, dots, dashes and underscores are allowed",
            ));
        }
    }
    let mut architectures = std::collections::BTreeSet::new();
    for build in &entry.builds {
        if !architectures.insert(&build.arch) {
            return Err(Invalid::new("architecture", &build.arch, "it has two builds"));
        }
        let (document, fallback) = match &build.checksum {
            Checksum::Pinned(_) => (None, None),
            Checksum::Published { url, fallback_url, .. } => (Some(url), fallback_url.as_ref()),
        };
        let urls = [Some(&build.url), build.fallback_url.as_ref(), document, fallback];
        urls.into_iter().flatten().try_for_each(|url| reference::check_url(url))?;
    }
    Ok(())
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
    let name = String::deserialize(deserializer)?;
    [Algorithm::Sha256, Algorithm::Sha512]
        .into_iter()
        .find(|known| known.name() == name)
        .map(Some)
        .ok_or_else(|| serde::de::Error::unknown_variant(&name, &["sha256", "sha512"]))
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}
