use serde::Serialize;

use crate::image::{Build, Checksum, CpuFloor, Entry, HOST_ARCH, Provisioner};
use crate::model::{Digest, Firmware};

/// An image that the catalogue offers.
///
/// `arch`, `default_user`, `firmware` and `url` are those of the build that this host would take; where there is none
/// for this host, those of the first that there is.
#[derive(Debug, Clone, Serialize)]
pub struct AvailableImage {
    /// Its name.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// What it is, in words.
    pub os: Option<String>,
    /// The architecture as QEMU names it.
    pub arch: String,
    /// The user that it makes.
    pub default_user: Option<String>,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// Where it comes from.
    pub url: String,
    /// What sets up the guest at its first boot.
    pub provisioner: Provisioner,
    /// Its files, one for each architecture.
    pub builds: Vec<AvailableBuild>,
}

/// The file of an image for one architecture.
#[derive(Debug, Clone, Serialize)]
pub struct AvailableBuild {
    /// The architecture as QEMU names it.
    pub arch: String,
    /// Where it comes from.
    pub url: String,
    /// Where it comes from if it can't be had there.
    pub fallback_url: Option<String>,
    /// The digest that it must have, if the catalogue tells.
    pub checksum: Option<Digest>,
    /// The publisher's document that tells the digest, if the catalogue doesn't.
    pub checksum_url: Option<String>,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// The least CPU that it runs on.
    pub cpu_floor: Option<CpuFloor>,
    /// The user that it makes.
    pub default_user: Option<String>,
}

impl AvailableImage {
    /// `None` for an entry without any build, of which there is none in a catalogue.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let build = entry.build_or_first(HOST_ARCH)?;
        Some(Self {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            os: entry.os.clone(),
            arch: build.arch.clone(),
            default_user: build.default_user.clone(),
            firmware: build.firmware,
            url: build.url.clone(),
            provisioner: entry.provisioner,
            builds: entry.builds.iter().map(AvailableBuild::from).collect(),
        })
    }
}

impl From<&Build> for AvailableBuild {
    fn from(build: &Build) -> Self {
        let (checksum, checksum_url) = match &build.checksum {
            Checksum::Pinned(digest) => (Some(digest.clone()), None),
            Checksum::Published { url, .. } => (None, Some(url.clone())),
        };
        Self {
            arch: build.arch.clone(),
            url: build.url.clone(),
            fallback_url: build.fallback_url.clone(),
            checksum,
            checksum_url,
            firmware: build.firmware,
            cpu_floor: build.cpu_floor,
            default_user: build.default_user.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(arch: &str) -> Build {
        Build {
            arch: arch.to_owned(),
            url: format!("https://example.org/{arch}.img"),
            fallback_url: None,
            checksum: Checksum::Pinned(Digest::from_hex(&"a".repeat(64)).expect("a digest")),
            firmware: None,
            cpu_floor: None,
            default_user: Some(format!("user-{arch}")),
        }
    }

    fn available(architectures: &[&str]) -> AvailableImage {
        let entry = Entry {
            name: "both".into(),
            aliases: Vec::new(),
            os: None,
            provisioner: Provisioner::default(),
            builds: architectures.iter().map(|arch| build(arch)).collect(),
        };
        AvailableImage::of(&entry).expect("it has builds")
    }

    #[test]
    fn what_is_said_of_the_image_is_of_the_build_for_this_host() {
        let image = available(&["pdp11", HOST_ARCH]);
        assert_eq!(
            (image.arch.as_str(), image.url),
            (HOST_ARCH, format!("https://example.org/{HOST_ARCH}.img"))
        );
        assert_eq!(image.default_user, Some(format!("user-{HOST_ARCH}")));
        let all: Vec<&str> = image.builds.iter().map(|build| build.arch.as_str()).collect();
        assert_eq!(all, ["pdp11", HOST_ARCH]);
        assert_eq!(available(&["pdp11", "vax"]).arch, "pdp11");
    }
}
