//! Snapshots of domains: libvirt's record of each, and what is in the disks.
//!
//! An internal snapshot is in the qcow2 files themselves; libvirt keeps a document of it beside the domain's definition,
//! and the two are found by the name. libvirt makes internal ones of a domain that is shut off, and of a running one with
//! its memory. Of a running domain's disks alone it makes none, but it keeps, reverts to and deletes one that QEMU made:
//!
//! ```text
//! record   the document, as of a domain that is shut off, marked with the process that makes it
//! take     one QMP transaction: the snapshot is in every disk, or in none
//! change   the mark is removed
//! ```
//!
//! The document comes first, so that a process that is killed midway leaves nothing in the disks that libvirt does not know
//! of: what has a mark whose process is gone is found, and deleted by libvirt, whether the disks have it or not.
//!
//! External snapshots leave a disk as it is and put a new file on top. They are read, and deleted by libvirt.

mod live;
mod read;
mod record;
mod revert;
mod write;

pub use live::LiveImage;
pub use record::SnapshotRecord;
pub use revert::SnapshotDocument;
pub use write::{NewSnapshot, SnapshotChange, SnapshotMade};

use std::time::Duration;

use super::command::Command;
use super::domain::lines;
use super::xml::Element;
use super::{Domain, Error, Object, Snapshots};
use crate::model::{Timestamp, Uuid};

/// qcow2 releases a snapshot's clusters one by one, and an external one's overlay is merged into the file below.
const DELETE: Duration = Duration::from_secs(600);

/// A snapshot of a domain, as libvirt's document of it tells.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The name, which may have any characters but a slash.
    pub name: String,
    /// What its maker said of it.
    pub description: Option<String>,
    /// What vmtools noted of it; `None` for one that others made.
    pub record: Option<SnapshotRecord>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// What the domain was doing.
    pub state: SnapshotState,
    /// Whether it has the memory, so that the domain goes on from it.
    pub has_memory: bool,
    /// Where its disks are.
    pub kind: SnapshotKind,
    /// The snapshot that was the current one when it was made.
    pub parent: Option<String>,
    /// Whether the domain's present state began with it: the next snapshot has it as its parent.
    pub is_current: bool,
    /// The disks that the domain had, in libvirt's order.
    pub disks: Vec<SnapshotDisk>,
    /// The file with the memory, where that is external.
    pub memory_file: Option<String>,
    /// Its `<domain>`: what the domain was. An empty element where libvirt has none.
    pub domain: Element,
    /// The definition for the next start, where that was another one while the domain ran.
    pub stored_domain: Option<Element>,
}

/// What a domain was doing when its snapshot was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// It was shut off, or that is how its disks are seen: as after a power cut, where it ran.
    Shutoff,
    /// It ran, and goes on from there.
    Running,
    /// It was paused.
    Paused,
    /// It ran, and only its disks were kept (external).
    DiskSnapshot,
    /// Anything else.
    Unknown,
}

/// Where a snapshot's disks and memory are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotKind {
    /// In the disks' own files.
    Internal,
    /// In the files that the disks were: new ones lie on top.
    External,
    /// Some here and some there.
    Mixed,
    /// It has no disk, and no memory.
    Empty,
}

/// A disk in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotDisk {
    /// The disk's target.
    pub target: String,
    /// How it is kept.
    pub kind: SnapshotDiskKind,
}

/// How a snapshot keeps a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotDiskKind {
    /// Not at all: it was left out, read only or empty.
    No,
    /// In its own file.
    Internal,
    /// By this file, which lies on the one that it was; `None` where that is no file.
    External {
        /// The file.
        file: Option<String>,
    },
    /// In a way that this version has no word for.
    Other,
}

/// What the domain does after a revert, other than it did when the snapshot was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevertTo {
    /// It runs.
    Running,
    /// It is paused.
    Paused,
}

/// How a domain is reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevertOptions {
    /// What it does then; `None` for what it did.
    pub state: Option<RevertTo>,
    /// Also where libvirt fears for what is saved, and where it has to start another QEMU.
    pub force: bool,
    /// How long it may take.
    pub within: Duration,
}

/// What of a snapshot is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteScope {
    /// It, in the disks too.
    All,
    /// libvirt's document alone: in the disks it stays.
    Metadata,
}

impl Snapshot {
    /// What the domain was.
    pub fn domain(&self) -> Domain {
        Domain::of_tree(self.domain.clone())
    }

    /// Whether it, or a part of it, is in files beside the disks.
    pub fn is_external(&self) -> bool {
        matches!(self.kind, SnapshotKind::External | SnapshotKind::Mixed)
    }

    /// Whether it keeps the disk.
    pub fn has_disk(&self, target: &str) -> bool {
        self.disks.iter().any(|disk| disk.target == target && disk.kind != SnapshotDiskKind::No)
    }

    /// The process that is making it, or that has left it half-made.
    pub fn maker(&self) -> Option<&str> {
        self.record.as_ref()?.maker.as_deref()
    }

    /// Whether `gc` may delete it now.
    pub fn is_expired(&self) -> bool {
        let Some(record) = &self.record else { return false };
        !record.pinned && record.expires.is_some_and(Timestamp::is_past)
    }
}

impl Snapshots<'_> {
    /// The domain's snapshots, each after its parent, in two rounds of the open virsh. Those that are gone meanwhile are
    /// left out. One whose name virsh can't be given, because of a tab in it, has only the name.
    ///
    /// # Errors
    /// When the domain is gone, a document is not understood, or the connection fails.
    pub async fn list(self, uuid: Uuid) -> Result<Vec<Snapshot>, Error> {
        let mut all = self.of_each(&[uuid]).await?;
        all.pop().unwrap_or_else(|| Err(Error::missing(Object::Domain, uuid.to_string())))
    }

    /// As [`Snapshots::list`], of many domains in the same two rounds: a result for each, in their order.
    ///
    /// # Errors
    /// When the connection fails. That a domain is gone is an error in its own place only.
    pub async fn of_each(self, uuids: &[Uuid]) -> Result<Vec<Result<Vec<Snapshot>, Error>>, Error> {
        let mut listings = self.listings(uuids).await?;
        let asked = listings.iter().enumerate();
        let asked = asked.flat_map(|(at, listing)| {
            let names = listing.as_ref().map(|listing| listing.names.as_slice()).unwrap_or_default();
            names.iter().filter(|name| is_sayable(name)).map(move |name| (at, name.clone()))
        });
        let asked: Vec<(usize, String)> = asked.collect();
        let commands: Vec<Command> =
            asked.iter().filter_map(|(at, name)| Some(dump(*uuids.get(*at)?, name))).collect();
        let replies = self.client.call_each(&commands).await?;
        for (((at, _), command), reply) in asked.iter().zip(&commands).zip(replies) {
            let Some(Ok(listing)) = listings.get_mut(*at) else { continue };
            match reply {
                Ok(document) => listing.found.push(parse(command, &document)?),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(listings.into_iter().map(|listing| listing.map(Listing::into_snapshots)).collect())
    }

    async fn listings(self, uuids: &[Uuid]) -> Result<Vec<Result<Listing, Error>>, Error> {
        let asks = |uuid: &Uuid| {
            ["snapshot-list --name --topological", "snapshot-current --name"]
                .map(|words| Command::new(words).domain(*uuid))
        };
        let commands: Vec<Command> = uuids.iter().flat_map(asks).collect();
        let mut replies = self.client.call_each(&commands).await?.into_iter();
        let mut listings = Vec::with_capacity(uuids.len());
        while let (Some(names), Some(current)) = (replies.next(), replies.next()) {
            let current = current_of(current)?;
            listings.push(match names {
                Ok(names) => Ok(Listing {
                    names: lines(&names).map(str::to_owned).collect(),
                    current,
                    found: Vec::new(),
                }),
                Err(error) if error.is_connection() => return Err(error),
                Err(error) => Err(error),
            });
        }
        Ok(listings)
    }

    /// The snapshot of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the connection fails.
    pub async fn load(self, uuid: Uuid, name: &str) -> Result<Snapshot, Error> {
        let asks = [dump(uuid, name), Command::new("snapshot-current --name").domain(uuid)];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let mut snapshot = parse(&asks[0], &next()?)?;
        snapshot.is_current = current_of(next())?.as_ref() == Some(&snapshot.name);
        Ok(snapshot)
    }

    /// The names, each after its parent.
    ///
    /// # Errors
    /// When the domain is gone, or the connection fails.
    pub async fn names(self, uuid: Uuid) -> Result<Vec<String>, Error> {
        let command = Command::new("snapshot-list --name --topological").domain(uuid);
        Ok(lines(&self.client.call(command).await?).map(str::to_owned).collect())
    }

    /// The snapshot with which the domain's present state began, if there is one.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn current_name(self, uuid: Uuid) -> Result<Option<String>, Error> {
        current_of(self.client.call(Command::new("snapshot-current --name").domain(uuid)).await)
    }

    /// Brings the domain back to what it was: its disks, its definition, and its memory if the snapshot has that.
    /// libvirt forgets what the definition says now.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses. Of a running domain QEMU may have ended by then.
    pub async fn revert(self, uuid: Uuid, name: &str, options: RevertOptions) -> Result<(), Error> {
        let command = named(Command::new("snapshot-revert").domain(uuid), name);
        let command = match options.state {
            None => command,
            Some(RevertTo::Running) => command.flag("--running"),
            Some(RevertTo::Paused) => command.flag("--paused"),
        };
        let command = if options.force { command.flag("--force") } else { command };
        self.client.call(command.within(options.within)).await.map(drop)
    }

    /// Deletes the snapshot. Those that were made after it stay.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when libvirt refuses, as it does for some external ones.
    pub async fn delete(self, uuid: Uuid, name: &str, scope: DeleteScope) -> Result<(), Error> {
        let words = match scope {
            DeleteScope::All => "snapshot-delete",
            DeleteScope::Metadata => "snapshot-delete --metadata",
        };
        let command = named(Command::new(words).domain(uuid), name);
        self.client.call(command.within(DELETE)).await.map(drop)
    }

    /// The files that libvirt made for these snapshots of the domain beside its disks: overlays, and saved memory.
    /// Of a snapshot that is gone meanwhile there are none.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn files(self, uuid: Uuid, snapshots: &[String]) -> Result<Vec<String>, Error> {
        let commands: Vec<_> = snapshots.iter().map(|name| dump(uuid, name)).collect();
        let mut files = Vec::new();
        for (command, reply) in commands.iter().zip(self.client.call_each(&commands).await?) {
            match reply {
                Ok(document) => files.extend(parse(command, &document)?.files()),
                Err(error) if error.is_connection() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(files)
    }
}

/// What is known of a domain's snapshots while they are read.
struct Listing {
    names: Vec<String>,
    current: Option<String>,
    found: Vec<Snapshot>,
}

impl Listing {
    fn into_snapshots(self) -> Vec<Snapshot> {
        let odd = self.names.iter().filter(|name| !is_sayable(name)).map(|name| Snapshot::of_name(name));
        let mut snapshots: Vec<Snapshot> = self.found.into_iter().chain(odd).collect();
        for snapshot in &mut snapshots {
            snapshot.is_current = self.current.as_ref() == Some(&snapshot.name);
        }
        snapshots
    }
}

/// Whether virsh can be given the name.
fn is_sayable(name: &str) -> bool {
    !name.chars().any(char::is_control)
}

fn dump(uuid: Uuid, name: &str) -> Command {
    named(Command::new("snapshot-dumpxml").domain(uuid), name)
}

/// By its option: a name may begin with a dash.
fn named(command: Command, name: &str) -> Command {
    command.option("--snapshotname", name)
}

fn parse(command: &Command, document: &str) -> Result<Snapshot, Error> {
    Snapshot::parse(document)
        .map_err(|error| Error::Unexpected { command: command.display(), reason: error.to_string() })
}

/// What `snapshot-current --name` has printed. That there is none is an error of virsh's.
pub(super) fn current_of(reply: Result<String, Error>) -> Result<Option<String>, Error> {
    match reply {
        Ok(text) => Ok(lines(&text).next().map(str::to_owned)),
        Err(error) if error.is_connection() => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
