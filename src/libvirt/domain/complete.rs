//! Definitions that libvirt may be given.
//!
//! libvirt leaves passwords and cookies out of a definition that it prints, unless it is asked for them. A
//! definition that was read without them and then defined again would lose them. So only two types can be
//! defined: one that vmtools has made for a domain that libvirt does not know yet ([`NewDomain`]), and one
//! that [`DomainDefinitions::change`] has read whole and passes on itself. A [`Domain`] is for reading.

use crate::libvirt::DomainDefinitions;
use crate::model::Uuid;
use std::fmt;

use super::definition::Domain;
use super::lookup::DEFINE;
use super::vnc::{self, VncEndpoint};
use crate::libvirt::Error;
use crate::libvirt::command::Command;
use crate::libvirt::xml::{Element, Node, XmlError};

/// The definition of a domain that libvirt does not know yet. [`super::DomainSpec`] and
/// [`super::DomainCopy`] make it.
pub struct NewDomain {
    tree: Element,
    /// Whether libvirt checks it against its schema, which takes longer than all the rest.
    validate: bool,
}

/// A stored definition with its secrets. It is never logged, and shows nothing for `{:?}`.
pub struct CompleteDefinition {
    tree: Element,
}

impl NewDomain {
    /// One that is written anew.
    pub(super) fn written(tree: Element) -> Self {
        Self { tree, validate: true }
    }

    /// One made of a definition that libvirt has already: its check would tell nothing new.
    pub(super) fn copied(tree: Element) -> Self {
        Self { tree, validate: false }
    }

    /// What vmtools reads from it.
    pub fn to_domain(&self) -> Domain {
        Domain::of_tree(self.tree.clone())
    }
}

impl CompleteDefinition {
    pub(in crate::libvirt) fn parse(document: &str) -> Result<Self, XmlError> {
        Ok(Self { tree: Element::parse(document)? })
    }

    pub(in crate::libvirt) fn tree(&self) -> &Element {
        &self.tree
    }

    /// Where the screen is shown by VNC, and whether a password is asked for there.
    pub fn vnc(&self) -> Option<VncEndpoint> {
        vnc::read(&self.tree)
    }

    #[cfg(test)]
    pub(super) fn for_test(document: &str) -> Self {
        Self::parse(document).expect("is XML")
    }
}

impl fmt::Debug for NewDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDomain").finish_non_exhaustive()
    }
}

impl fmt::Debug for CompleteDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompleteDefinition").finish_non_exhaustive()
    }
}

impl DomainDefinitions<'_> {
    /// Defines a new domain. With a UUID that is new, a name that exists is refused, atomically.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken.
    pub async fn define(self, domain: &NewDomain) -> Result<(), Error> {
        let words = if domain.validate { "define --validate" } else { "define" };
        self.define_tree(words, &domain.tree).await
    }

    /// The definition of a domain's next start, with its secrets.
    ///
    /// # Errors
    /// When it is gone, or the connection fails or may only read.
    pub async fn complete(self, uuid: Uuid) -> Result<CompleteDefinition, Error> {
        let command = Command::new("dumpxml --inactive --security-info").domain(uuid).secret();
        let display = command.display();
        let document = self.client.call(command).await?;
        CompleteDefinition::parse(&document)
            .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })
    }

    /// Changes a domain's definition, from its next start on. This is the only way by which a definition that
    /// was read comes to be defined again; where virsh has a command for the change, that is to be preferred.
    ///
    /// # Errors
    /// When the domain is gone, or libvirt refuses what `change` has made of it; [`Error::WrongState`] when it has no
    /// stored definition, since this would make one.
    pub async fn change(self, uuid: Uuid, change: impl FnOnce(&mut Element)) -> Result<(), Error> {
        if !self.client.domains().is_persistent(uuid).await? {
            // libvirt's own words where it refuses a change for this.
            let message = "transient domains do not have any persistent config".to_owned();
            return Err(Error::WrongState { command: "virsh define".to_owned(), message });
        }
        let CompleteDefinition { mut tree } = self.complete(uuid).await?;
        let before = tree.clone();
        change(&mut tree);
        if tree == before {
            return Ok(());
        }
        // With another UUID it would be another domain.
        super::edit::set_text(&mut tree, "uuid", &uuid.to_string());
        self.define_tree("define", &tree).await
    }

    /// Gives the definition with which a saved domain goes on the `<metadata>` of its stored one. libvirt changes that
    /// in the stored one alone, and the saved one takes its place when the domain starts.
    ///
    /// # Errors
    /// When the domain is not saved, or the new definition does not fit in the file where its memory is saved.
    pub async fn bring_metadata_to_saved(self, uuid: Uuid) -> Result<(), Error> {
        let stored = self.complete(uuid).await?;
        let command = Command::new("managedsave-dumpxml --security-info").domain(uuid).secret();
        let display = command.display();
        let CompleteDefinition { mut tree } = CompleteDefinition::parse(&self.client.call(command).await?)
            .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })?;
        let before = tree.clone();
        super::edit::remove_children(&mut tree, "metadata");
        tree.children.extend(stored.tree.find("metadata").cloned().map(Node::Element));
        // Prefixes that are declared further out.
        for (name, value) in stored.tree.attributes.iter().filter(|(name, _)| name.starts_with("xmlns")) {
            tree.set_attribute(name, value);
        }
        if tree == before {
            return Ok(());
        }
        let words = "managedsave-define";
        let file = self.client.pass_xml(words, &tree)?;
        let command = Command::new(words).domain(uuid).option("--xml", &file.path);
        self.client.call(command.within(DEFINE)).await.map(drop)
    }

    async fn define_tree(self, words: &str, tree: &Element) -> Result<(), Error> {
        let file = self.client.pass_xml(words, tree)?;
        self.client.call(Command::new(words).option("--file", &file.path).within(DEFINE)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_for_debugging() {
        let document =
            "<domain><name>x</name><devices><graphics type='vnc' passwd='s3cret'/></devices></domain>";
        let complete = CompleteDefinition::for_test(document);
        let new = NewDomain::copied(complete.tree().clone());
        assert!(!format!("{complete:?} {new:?}").contains("s3cret"));
    }
}
