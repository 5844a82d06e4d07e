use serde::{Deserialize, Deserializer};

use crate::image::digest::checksum;
use crate::image::reference;
use crate::model::{Algorithm, Firmware, Invalid};

/// An image that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name, such as "debian-13".
    pub name: String,
    /// Other names, such as "debian".
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Where it is.
    pub url: String,
    /// Where it is too.
    pub fallback_url: Option<String>,
    /// The document that tells its digest.
    pub checksum_url: String,
    /// The document that tells the digest of what is at `fallback_url`, if it is another one.
    pub fallback_checksum_url: Option<String>,
    /// The form of the checksum documents.
    pub checksum_format: checksum::Format,
    /// The hash function in them.
    #[serde(deserialize_with = "algorithm")]
    pub checksum_algorithm: Algorithm,
    /// The architecture as QEMU names it.
    #[serde(default = "x86_64")]
    pub arch: String,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// The least processor that it runs on.
    pub cpu_floor: Option<CpuFloor>,
    /// The user that its cloud-init makes when it isn't told otherwise.
    pub default_user: Option<String>,
}

/// A level of the x86-64 psABI: the instructions that an image was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
pub enum CpuFloor {
    /// SSE4.2 and below; Nehalem and later.
    #[serde(rename = "x86-64-v2")]
    V2,
    /// AVX2; Haswell and later.
    #[serde(rename = "x86-64-v3")]
    V3,
    /// AVX-512.
    #[serde(rename = "x86-64-v4")]
    V4,
}

impl Entry {
    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    /// Checks what TOML alone doesn't.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        for name in self.names() {
            if !reference::is_catalog_name(name) {
                return Err(Invalid::new(
                    "image name",
                    name,
                    "only letters, digits, dots, dashes and underscores are allowed",
                ));
            }
        }
        let urls = [Some(&self.url), self.fallback_url.as_ref()];
        let documents = [Some(&self.checksum_url), self.fallback_checksum_url.as_ref()];
        urls.into_iter().chain(documents).flatten().try_for_each(|url| reference::check_url(url))
    }
}

fn x86_64() -> String {
    "x86_64".to_owned()
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
    let name = String::deserialize(deserializer)?;
    [Algorithm::Sha256, Algorithm::Sha512]
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| serde::de::Error::unknown_variant(&name, &["sha256", "sha512"]))
}
