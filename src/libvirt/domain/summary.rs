//! What lists tell of a domain: reading all of a definition takes four times as long.

use super::definition::Domain;
use super::disk::{self, Disk};
use super::metadata::{Metadata, PROTECTED_NAMESPACE};
use super::namespace;
use crate::libvirt::xml::{Element, XmlError};
use crate::model::Uuid;

/// The parts of a definition that can be read for many domains in one call.
#[derive(Debug, Clone)]
pub struct DomainSummary {
    /// The UUID.
    pub uuid: Uuid,
    /// Whether it is not to be deleted.
    pub protected: bool,
    /// vmtools' record; `None` for a domain that others made.
    pub metadata: Option<Metadata>,
    /// Its disks, CD-ROM drives included.
    pub disks: Vec<Disk>,
}

impl DomainSummary {
    /// Reads `dumpxml`'s output.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        let tree = Element::parse_some(document, |around, name| match around {
            [_domain] => matches!(name, "uuid" | "metadata" | "devices"),
            [_domain, parent] if parent.name == "devices" => name == "disk",
            _ => true,
        })?;
        let disks = tree.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
        Ok(Self {
            uuid: tree.find_text("uuid").and_then(|uuid| Uuid::try_parse(&uuid).ok()).unwrap_or_default(),
            protected: namespace::in_metadata(&tree, PROTECTED_NAMESPACE).is_some(),
            metadata: Metadata::of_domain(&tree),
            disks: disks.map(disk::read).collect(),
        })
    }
}

impl From<&Domain> for DomainSummary {
    fn from(domain: &Domain) -> Self {
        Self {
            uuid: domain.uuid,
            protected: domain.protected,
            metadata: domain.metadata.clone(),
            disks: domain.disks.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That it is what the whole definition tells is checked on all documents of the corpus.
    #[test]
    fn prefixes_of_the_root_count() {
        let outer = "<domain xmlns:v='urn:vmtools:vm:1'><os><type>hvm</type></os><metadata><v:vm><v:image>a</v:image></v:vm></metadata><devices><emulator/><disk type='file' device='disk'><source file='/a'/><target dev='vda'/></disk></devices></domain>";
        let summary = DomainSummary::parse(outer).expect("parses");
        assert_eq!(summary.metadata.and_then(|record| record.image).as_deref(), Some("a"));
        assert_eq!(summary.disks.len(), 1);
    }
}
