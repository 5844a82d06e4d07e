//! Snapshots made, and their documents changed.

use std::time::Duration;

use super::record::{join, split};
use super::{SnapshotRecord, current_of, dump};
use crate::libvirt::command::{Command, QUESTION};
use crate::libvirt::xml::{Element, Node};
use crate::libvirt::{Error, Snapshots};
use crate::model::{Timestamp, Uuid};

/// A snapshot that is to be made, in the disks' own files.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub description: Option<String>,
    /// What vmtools notes of it.
    pub record: SnapshotRecord,
    /// Every disk of the domain by its target, and whether it is kept. libvirt decides by itself about those that are
    /// not named.
    pub disks: Vec<(String, bool)>,
}

/// What is changed of a snapshot's document; all else in it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotChange {
    /// What is said of it: this, or nothing.
    pub description: Option<Option<String>>,
    /// When `gc` may delete it: then, or never.
    pub expires: Option<Option<Timestamp>>,
    /// Whether it is kept.
    pub pinned: Option<bool>,
    /// That it is made now, and how.
    pub made: Option<SnapshotMade>,
    /// The process that is at it from now on.
    pub maker: Option<String>,
}

/// How a snapshot was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotMade {
    /// Whether the guest's file systems were frozen.
    pub frozen: Option<bool>,
    /// How long the guest was held, in milliseconds.
    pub held_ms: u64,
}

impl SnapshotChange {
    fn applied_to(&self, text: &str) -> String {
        let (mut description, record) = split(text);
        let mut record = record.unwrap_or_default();
        if let Some(text) = &self.description {
            description = text.clone().unwrap_or_default();
        }
        record.expires = self.expires.unwrap_or(record.expires);
        record.pinned = self.pinned.unwrap_or(record.pinned);
        if let Some(SnapshotMade { frozen, held_ms }) = self.made {
            (record.frozen, record.held_ms, record.maker) = (frozen, Some(held_ms), None);
        }
        record.maker = self.maker.clone().or(record.maker);
        join(&description, &record)
    }
}

impl NewSnapshot {
    /// For libvirt, which fills in the rest.
    fn to_element(&self, memory: &str) -> Element {
        let disk = |(target, is_kept): &(String, bool)| {
            let kind = if *is_kept { "internal" } else { "no" };
            Element::new("disk").with("name", target).with("snapshot", kind)
        };
        let description = join(self.description.as_deref().unwrap_or_default(), &self.record);
        Element::new("domainsnapshot")
            .child(Element::new("name").text(&self.name))
            .child(Element::new("description").text(description))
            .child(Element::new("memory").with("snapshot", memory))
            .child(Element::new("disks").children(self.disks.iter().map(disk)))
    }

    /// The whole document, which libvirt takes as it is.
    fn to_record(&self, created: Timestamp, parent: Option<&str>, domain: Element) -> Element {
        let parent = parent.map(|name| Element::new("parent").child(Element::new("name").text(name)));
        self.to_element("no")
            .child(Element::new("state").text("shutoff"))
            .child(Element::new("creationTime").text(created.since_epoch().as_secs().to_string()))
            .children(parent)
            .child(domain)
    }
}

impl Snapshots<'_> {
    /// Makes the snapshot of a domain that is shut off.
    ///
    /// # Errors
    /// [`Error::Exists`]; when the domain runs, or a disk can't have one.
    pub async fn create(self, uuid: Uuid, new: &NewSnapshot, within: Duration) -> Result<(), Error> {
        self.create_from(uuid, "snapshot-create", &new.to_element("no"), within).await
    }

    /// Makes the snapshot of a running or paused domain, with its memory, for which its guest is held. libvirt and QEMU go
    /// on with it when virsh is gone.
    ///
    /// # Errors
    /// As [`Snapshots::create`]; [`Error::NoSpace`] in words of QEMU's own, and then there is none.
    pub async fn create_with_memory(
        self,
        uuid: Uuid,
        new: &NewSnapshot,
        within: Duration,
    ) -> Result<(), Error> {
        self.create_from(uuid, "snapshot-create", &new.to_element("internal"), within).await
    }

    /// Gives libvirt the document of a snapshot that is in the domain's disks, or is about to be, and makes it the current
    /// one. It is of a domain that was shut off, with the definition of its next start: with that a revert starts it.
    ///
    /// # Errors
    /// [`Error::Exists`]; when libvirt refuses.
    pub async fn record(self, uuid: Uuid, new: &NewSnapshot, created: Timestamp) -> Result<(), Error> {
        // With its secrets, which a revert needs.
        let asks = [
            Command::new("dumpxml --inactive --security-info").domain(uuid).secret(),
            Command::new("snapshot-current --name").domain(uuid),
        ];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let domain = read(&asks[0], &next()?)?;
        let parent = current_of(next())?;
        let document = new.to_record(created, parent.as_deref(), domain);
        self.create_from(uuid, "snapshot-create --redefine --current", &document, QUESTION).await
    }

    /// Changes a snapshot's document. What it keeps of the domain and its memory, and whether it is the current one, stays.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the connection fails.
    pub async fn change(self, uuid: Uuid, name: &str, change: &SnapshotChange) -> Result<(), Error> {
        let asks = [
            dump(uuid, name).flag("--security-info").secret(),
            Command::new("snapshot-current --name").domain(uuid),
        ];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let mut document = read(&asks[0], &next()?)?;
        // libvirt keeps the one that it has. Given, it would be read anew, without what is of a run alone.
        remove(&mut document, "domain");
        let text = change.applied_to(&document.find_text("description").unwrap_or_default());
        remove(&mut document, "description");
        let document = document.child(Element::new("description").text(text));
        // libvirt 11.3 keeps it the current one either way; its documentation promises that with the word alone.
        let is_current = current_of(next())?.as_deref() == Some(name);
        let words =
            if is_current { "snapshot-create --redefine --current" } else { "snapshot-create --redefine" };
        self.create_from(uuid, words, &document, QUESTION).await
    }

    async fn create_from(
        self,
        uuid: Uuid,
        words: &str,
        document: &Element,
        within: Duration,
    ) -> Result<(), Error> {
        let file = self.client.pass_xml("snapshot-create", document)?;
        let command = Command::new(words).domain(uuid).option("--xmlfile", &file.path);
        self.client.call(command.within(within)).await.map(drop)
    }
}

fn remove(document: &mut Element, name: &str) {
    document.children.retain(|node| !matches!(node, Node::Element(element) if element.name == name));
}

fn read(command: &Command, document: &str) -> Result<Element, Error> {
    Element::parse(document)
        .map_err(|error| Error::Unexpected { command: command.display(), reason: error.to_string() })
}
