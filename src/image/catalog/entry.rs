use serde::{Deserialize, Serialize};

use crate::image::Error;
use crate::image::digest::checksum;
use crate::model::{Algorithm, Digest, Firmware};

/// An image that has a name, as it is published for one or more architectures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, such as "debian-13".
    pub name: String,
    /// Other names, such as "debian".
    pub aliases: Vec<String>,
    /// What the image is, in words, such as "Debian 13 (trixie)".
    pub os: Option<String>,
    /// What sets up the guest at its first boot.
    pub provisioner: Provisioner,
    /// The files, one for each architecture; at least one.
    pub builds: Vec<Build>,
}

/// An image's file for one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The architecture as QEMU names it.
    pub arch: String,
    /// Where the file is.
    pub url: String,
    /// Where it is too, possibly as another version of it.
    pub fallback_url: Option<String>,
    /// What vouches for it.
    pub checksum: Checksum,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// The least CPU that it runs on.
    pub cpu_floor: Option<CpuFloor>,
    /// The user that it creates by default.
    pub default_user: Option<String>,
}

/// What vouches for an image's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// The catalogue has the digest itself: of a publisher that has no document that tells it for good.
    Pinned(Digest),
    /// A document of the publisher's, which is fetched before the file.
    Published {
        /// The document.
        url: String,
        /// The document that tells the digest of what is at the fallback URL, if it is another one.
        fallback_url: Option<String>,
        /// The form of both.
        format: checksum::Format,
        /// The hash function in them.
        algorithm: Algorithm,
    },
}

/// The program in the image that configures a guest at its first boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provisioner {
    /// cloud-init, or what takes its place: nuageinit of FreeBSD, cirros-init.
    #[default]
    CloudInit,
    /// Ignition, which knows nothing of cloud-init's seed.
    Ignition,
}

/// A level of the x86-64 psABI: the instructions that an image was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
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

    /// The architectures that it is published for.
    pub fn architectures(&self) -> impl Iterator<Item = &str> {
        self.builds.iter().map(|build| build.arch.as_str())
    }

    /// The file for an architecture, by QEMU's name of it.
    ///
    /// # Errors
    /// [`Error::NoBuild`], with the architectures that there are.
    pub fn build_for(&self, arch: &str) -> Result<&Build, Error> {
        self.builds.iter().find(|build| build.arch == arch).ok_or_else(|| Error::NoBuild {
            name: self.name.clone(),
            arch: arch.to_owned(),
            published: self.architectures().map(str::to_owned).collect(),
        })
    }

    /// The file for an architecture; where there is none, the first that there is.
    pub fn build_or_first(&self, arch: &str) -> Option<&Build> {
        self.build_for(arch).ok().or_else(|| self.builds.first())
    }
}
