//! Which files a disk needs: its own, those that it stands on, those that hold its data.
//!
//! Who may remove a file has to know who needs it, and libvirt often does not: it writes a chain into a VM's
//! XML only while the VM runs, and knows the backing file of a volume only of pools that it has looked at. So
//! the files themselves are asked, by their headers, wherever they lie:
//!
//! ```text
//! (path, declared form) ─ open ─ header ─┬─ names nothing ─────────────── End::Bottom
//!        ^                               ├─ a data file ──────────────── noted at the link
//!        └── resolved as QEMU does ──────┼─ a backing file of this host
//!                                        ├─ nbd:, rbd:, https:, .. ────── End::Remote
//!                                        └─ missing, denied, damaged ──── End::Unread, noted at the link
//! ```
//!
//! Two names are one file when device and inode are the same, whatever the paths look like. Nothing is
//! written, no tool is started, and an answer comes for every file: what can't be read ends the chain, and
//! [`Chain::is_complete`] says that more may be needed than is known.
//!
//! A file whose form is declared to be raw has no chain, whatever its first bytes say: its guest may have
//! written them.

mod file;
mod json_name;
mod name;
mod names;
#[cfg(test)]
mod tests;
mod vmdk;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::file::Opened;
pub use self::file::{ChainFile, FileId, FileState};
use self::name::{Below, Name};
use self::names::{Backing, Names};
use super::header::Driver;

/// More levels than any host has: libvirt starts no VM whose disk has more than 200.
const MAX_LINKS: usize = 1000;

/// The files of a disk, the one that its guest writes first, down to the last that could be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// At least one; each stands on the next.
    pub links: Vec<Link>,
    /// Why the last one is the last.
    pub end: End,
}

/// One level of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The file.
    pub file: ChainFile,
    /// The name that the header above has for it; for the first the path that was asked for.
    pub named: OsString,
    /// As what it is read; `None` where nobody declares it and the file can't be read.
    pub driver: Option<Driver>,
    /// Whether the form was declared, by the caller or by the header above, and not guessed from the file's
    /// first bytes as QEMU does it then.
    pub is_declared: bool,
    /// Files that hold its data: a qcow2's external data file, a VMDK's extents.
    pub data_files: Vec<ChainFile>,
    /// Whether its data lie in a file that its header does not name, or not so that it can be found.
    pub has_unknown_data_file: bool,
    /// How the disk's contents are encrypted, if they are.
    pub encryption: Option<Encryption>,
}

/// How a disk is encrypted by the host, so that what lies in its file is not what its guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// LUKS, within a qcow2 or as the whole file.
    Luks,
    /// QEMU's AES of before 2.9, which is no longer written.
    LegacyAes,
}

/// Why a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The last file stands on nothing.
    Bottom,
    /// The last file's header could not be read, see its [`FileState`]: what it stands on is not known.
    Unread,
    /// What the last file stands on is no file of this host.
    Remote {
        /// Such as "nbd" or "https".
        protocol: String,
    },
    /// The last file stands on something that it names in no way that can be followed.
    Unknown {
        /// The name; `None` when it has none, only an identifier.
        name: Option<OsString>,
    },
    /// The last file stands on one that is above it.
    Cycle,
    /// There are more than a thousand levels.
    TooDeep,
}

impl Chain {
    /// Follows the disk at `path`, read as `driver`: libvirt's `<driver type>`, for which libvirt takes raw
    /// where there is none. With `None` expected guessed from the first bytes, as QEMU does it. Blocks.
    pub fn read(path: &Path, driver: Option<Driver>) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut links: Vec<Link> = Vec::new();
        let mut next = Next { named: path.clone().into(), path, driver, below: Below::ByHeader };
        loop {
            let opened = Opened::open(&next.path);
            if opened.file.id.is_some() && links.iter().any(|link| link.file.id == opened.file.id) {
                return Self { links, end: End::Cycle };
            }
            if links.len() == MAX_LINKS {
                return Self { links, end: End::TooDeep };
            }
            let (link, step) = examine(opened, next);
            links.push(link);
            match step {
                Ok(below) => next = below,
                Err(end) => return Self { links, end },
            }
        }
    }

    /// All files of this host that it needs, as far as they are known.
    pub fn files(&self) -> impl Iterator<Item = &ChainFile> {
        self.links.iter().flat_map(|link| std::iter::once(&link.file).chain(&link.data_files))
    }

    /// Whether it needs the file that is known by `id`.
    pub fn needs(&self, id: FileId) -> bool {
        self.files().any(|file| file.id == Some(id))
    }

    /// Whether [`Chain::files`] are all files of this host that it needs.
    pub fn is_complete(&self) -> bool {
        matches!(self.end, End::Bottom | End::Remote { .. })
            && !self.links.iter().any(|link| link.has_unknown_data_file)
    }

    /// How the disk is encrypted: one level that is makes what a guest writes on it unreadable.
    pub fn encryption(&self) -> Option<Encryption> {
        self.links.iter().find_map(|link| link.encryption)
    }
}

/// What is to be looked at next.
struct Next {
    path: PathBuf,
    named: OsString,
    driver: Option<Driver>,
    below: Below,
}

/// Reads one file's header: the level that it is, and the next one or why there is none.
fn examine(mut opened: Opened, next: Next) -> (Link, Result<Next, End>) {
    let Next { path, named, driver: declared, below } = next;
    let driver = declared.or_else(|| opened.head().map(|head| Driver::probe(&head)));
    let names = match driver {
        Some(driver) => opened.names(driver),
        None => None,
    };
    let mut link = Link {
        file: opened.file,
        named,
        driver,
        is_declared: declared.is_some(),
        data_files: Vec::new(),
        has_unknown_data_file: false,
        encryption: None,
    };
    let Some(Names { backing, data_files, encryption }) = names else {
        let end =
            if driver.is_some_and(|driver| !names::names_files(driver)) { End::Bottom } else { End::Unread };
        return (link, Err(end));
    };
    link.encryption = encryption;
    let folder = path.parent().unwrap_or(Path::new("/"));
    for data_file in data_files {
        match data_file.as_deref().map(|name| Name::parse(name, folder)) {
            Some(Name::File { path, .. }) => link.data_files.push(Opened::open(&path).file),
            Some(Name::Remote { .. }) => {}
            Some(Name::Unknown) | None => link.has_unknown_data_file = true,
        }
    }
    (link, step(backing, below, folder))
}

/// What a file stands on by its header, or by the name that it was opened by.
fn step(backing: Backing, below: Below, folder: &Path) -> Result<Next, End> {
    let (name, named, driver) = match (below, backing) {
        (Below::Nothing, _) | (Below::ByHeader, Backing::None) => return Err(End::Bottom),
        (Below::Given(name), _) => (*name, OsString::new(), None),
        (Below::ByHeader, Backing::Unnamed) => return Err(End::Unknown { name: None }),
        (Below::ByHeader, Backing::Named { name, driver }) => {
            let parsed = Name::parse(&name, folder);
            (parsed, name::os_string(name), driver)
        }
    };
    match name {
        Name::File { path, driver: of_name, below } => {
            let named = if named.is_empty() { path.clone().into() } else { named };
            Ok(Next { path, named, driver: of_name.or(driver), below })
        }
        Name::Remote { protocol } => Err(End::Remote { protocol }),
        Name::Unknown => Err(End::Unknown { name: Some(named) }),
    }
}
