//! A snapshot's document made ready for a revert.
//!
//! A revert makes the `<domain>` of the document the domain's definition: all that was noted of the domain since is lost
//! with it, protection from deletion among it. libvirt has no way to keep any of it. But it takes a changed document, so
//! what is to stay is put into that before, and is there from the very moment of the revert on.

use std::fmt;

use super::{Snapshots, current_of, dump};
use crate::libvirt::command::{Command, QUESTION};
use crate::libvirt::domain::{RevertMark, carry_over};
use crate::libvirt::xml::{Element, Node, XmlError};
use crate::libvirt::{CompleteDefinition, Error};
use crate::model::Uuid;

/// libvirt's whole document of a snapshot, with its secrets. It is never logged, and shows nothing for `{:?}`.
#[derive(Clone)]
pub struct SnapshotDocument {
    tree: Element,
}

impl fmt::Debug for SnapshotDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotDocument").finish_non_exhaustive()
    }
}

impl SnapshotDocument {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        Ok(Self { tree: Element::parse(document)? })
    }

    /// As text, to be kept where nobody else may read it.
    ///
    /// # Errors
    /// When it holds what XML can't.
    pub fn to_text(&self) -> Result<String, XmlError> {
        self.tree.to_document()
    }

    /// The snapshot's name.
    pub fn name(&self) -> String {
        self.tree.find("name").map(Element::raw_content).unwrap_or_default()
    }

    /// Whether the other is a document of the same snapshot, not of one that has had its name before or since.
    pub fn is_of_same(&self, other: &Self) -> bool {
        let created = |document: &Self| document.tree.find_text("creationTime");
        self.name() == other.name() && created(self) == created(other)
    }

    /// The document with which a revert brings what the domain keeps of its `present` definition, and the mark. With
    /// `keeps_config` the next start has all of that definition, and the snapshot's is of the machine alone that a memory
    /// was saved of.
    #[must_use]
    pub fn prepared(&self, present: &CompleteDefinition, mark: &RevertMark, keeps_config: bool) -> Self {
        let mut tree = self.tree.clone();
        let mut present = present.tree().clone();
        // libvirt takes no other name than the one that the domain had, and gives it the one that it has.
        let name = tree.find_text("domain/name");
        if let Some(definition) = tree.find_mut("domain") {
            carry_over(definition, &present, mark);
        }
        if keeps_config {
            let today = present.clone();
            carry_over(&mut present, &today, mark);
            if let (Some(own), Some(name)) = (present.find_mut("name"), name) {
                own.children = vec![Node::Text(name)];
            }
            "inactiveDomain".clone_into(&mut present.name);
            tree.children.retain(|node| !is_named(node, "inactiveDomain"));
            tree.children.push(Node::Element(present));
        } else if let Some(definition) = tree.find_mut("inactiveDomain") {
            carry_over(definition, &present, mark);
        }
        Self { tree }
    }
}

fn is_named(node: &Node, name: &str) -> bool {
    matches!(node, Node::Element(element) if element.name == name)
}

impl Snapshots<'_> {
    /// The whole document of a snapshot.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the connection fails or may only read.
    pub async fn document(self, uuid: Uuid, name: &str) -> Result<SnapshotDocument, Error> {
        let command = dump(uuid, name).flag("--security-info").secret();
        let display = command.display();
        let document = self.client.call(command).await?;
        SnapshotDocument::parse(&document)
            .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })
    }

    /// Gives libvirt another document of a snapshot that it has. Whether it is the current one stays.
    ///
    /// # Errors
    /// When libvirt refuses, or the connection fails.
    pub async fn redefine(self, uuid: Uuid, document: &SnapshotDocument) -> Result<(), Error> {
        let current = Command::new("snapshot-current --name").domain(uuid);
        let is_current = current_of(self.client.call(current).await)? == Some(document.name());
        let words =
            if is_current { "snapshot-create --redefine --current" } else { "snapshot-create --redefine" };
        let file = self.client.pass_xml("snapshot-create", &document.tree)?;
        let command = Command::new(words).domain(uuid).option("--xmlfile", &file.path);
        self.client.call(command.within(QUESTION)).await.map(drop)
    }

    /// The names of the checkpoints that a domain's backups have left.
    ///
    /// # Errors
    /// When the domain is gone, or the connection fails.
    pub async fn checkpoints(self, uuid: Uuid) -> Result<Vec<String>, Error> {
        let text = self.client.call(Command::new("checkpoint-list --name").domain(uuid)).await?;
        Ok(super::lines(&text).map(str::to_owned).collect())
    }

    /// Deletes a checkpoint: of a running domain its bitmaps, too; else libvirt's record alone.
    ///
    /// # Errors
    /// When libvirt refuses, or the connection fails.
    pub async fn delete_checkpoint(self, uuid: Uuid, name: &str, active: bool) -> Result<(), Error> {
        let words = if active { "checkpoint-delete" } else { "checkpoint-delete --metadata" };
        let command = Command::new(words).domain(uuid).option("--checkpointname", name);
        self.client.call(command).await.map(drop)
    }

    /// Forgets what libvirt saved of a domain when it was stopped.
    ///
    /// # Errors
    /// When nothing is saved, or the connection fails.
    pub async fn discard_saved(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("managedsave-remove").domain(uuid)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::Domain;
    use crate::model::VmState;

    // tests/fixtures/snapshot/README.md has the commands.
    const OFF: &str = include_str!("../../../tests/fixtures/snapshot/off.xml");
    const MEMORY: &str = include_str!("../../../tests/fixtures/snapshot/memory.xml");

    fn mark() -> RevertMark {
        RevertMark {
            snapshot: "s".into(),
            is_done: true,
            was: VmState::Shutoff,
            then: VmState::Running,
            since: None,
            by: "host/boot/1/2".into(),
        }
    }

    fn present() -> CompleteDefinition {
        let metadata = "<metadata><p:by xmlns:p='urn:vmtools:protected:1'>me</p:by></metadata>";
        let document =
            format!("<domain><name>renamed</name>{metadata}<memory unit='MiB'>777</memory></domain>");
        CompleteDefinition::parse(&document).expect("parses")
    }

    fn definitions(document: &SnapshotDocument) -> Vec<(String, Domain)> {
        let elements = document.tree.elements().filter(|element| element.name.ends_with("omain"));
        let read = |element: &Element| {
            let text = element.to_document().expect("writes");
            (element.name.clone(), Domain::parse(&text).expect("parses"))
        };
        elements.map(read).collect()
    }

    #[test]
    fn a_revert_keeps_what_is_of_today() {
        for document in [OFF, MEMORY] {
            let before = SnapshotDocument::parse(document).expect("parses");
            let prepared = before.prepared(&present(), &mark(), false);
            let (old, new) = (definitions(&before), definitions(&prepared));
            assert_eq!(old.len(), new.len());
            for ((kind, old), (_, new)) in old.iter().zip(&new) {
                assert!(new.protected && new.reverting == Some(mark()), "{kind}");
                assert_eq!((&old.name, old.memory_mib), (&new.name, new.memory_mib), "{kind}");
            }
        }
    }

    #[test]
    fn with_the_present_configuration_the_machine_of_a_memory_stays() {
        for document in [OFF, MEMORY] {
            let before = SnapshotDocument::parse(document).expect("parses");
            let prepared = before.prepared(&present(), &mark(), true);
            let found = definitions(&prepared);
            let of = |name: &str| &found.iter().find(|(kind, _)| kind == name).expect("is there").1;
            let then = definitions(&before).swap_remove(0).1;
            assert_eq!(of("domain").memory_mib, then.memory_mib);
            let stored = of("inactiveDomain");
            assert_eq!((stored.memory_mib, &stored.name), (777, &then.name));
            assert!(stored.protected && stored.reverting == Some(mark()) && of("domain").protected);
            assert_eq!(found.len(), 2);
        }
    }
}
