//! Who may act on what, while it is looked at and acted upon: claims, across processes and users.
//!
//! Whatever is decided by a look at libvirt is decided under a claim on what the decision is about, so that
//! nothing comes in between. Using something takes a shared claim, changing or removing it an exclusive one:
//!
//! | verb | shared | exclusive |
//! |---|---|---|
//! | `create --replace` | | name |
//! | create, from the search for its image and base to its overlay | image, base | |
//! | `image rm`, `image prune` | | image, base |
//! | upload of a base, the copy of a commit, `gc` | | base |
//! | clone, fork, commit, network reserve | VM | |
//! | clone | VM's disks | |
//! | fork, until the VM is on its own disks again | | VM's disks |
//! | start, delete, rename, set, disk and interface changes, snapshots made, changed, reverted to and deleted, `gc` | | VM |
//! | create, clone, attach, start on a network | network | |
//! | network stop, delete, reserve, unreserve | | network |
//! | create from a warm state, until the VM runs | warm state | |
//! | making, removing a warm state | | warm state |
//! | network create, from the search for subnets to the definition | | subnets |
//!
//! A claim is a lock on a file, so the kernel releases it with its process however that ends, and no stale one
//! is ever in the way. The files lie in a directory that all users of the system's daemon share
//! ([`host::system_lock_folder`]); for a session, and for a daemon on another host, in this user's own. Against
//! other hosts' vmtools the marks in the definitions stand: a clone marks its parent and looks at it again.

use crate::model::Uuid;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::operation::Operation;
use super::{Error, Event};
use crate::host::{self, LockGuard, LockMode};

/// How long another command's claim is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The end of the names of claims' files.
const ENDING: &str = ".lock";

/// What a claim is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manager) enum Subject<'a> {
    /// A VM, by its UUID.
    Vm(Uuid),
    /// A VM's name, whatever VM has it.
    Name(&'a str),
    /// An image of this machine, by its digest in hexadecimal digits.
    Image(&'a str),
    /// A base image in a storage pool, or a copy of a disk that is to become one, by its volume's name.
    Base(&'a str),
    /// A network, by its UUID.
    Network(Uuid),
    /// The subnets that networks have, before a network has one.
    Subnets,
    /// An interface's hardware address, before there is one that has it.
    Mac(&'a str),
    /// A file of this host that becomes a disk, by device and inode.
    File(u64, u64),
    /// A warm state, by its key.
    Warm(&'a str),
    /// The disks of a running VM, by its UUID, while its writes go elsewhere.
    LiveDisks(Uuid),
}

/// A claim, until it is dropped.
#[derive(Debug)]
pub(in crate::manager) struct Claim {
    _held: LockGuard,
}

impl Operation<'_> {
    /// Claims the subject for use: others may use it too, nobody may change or remove it.
    ///
    /// # Errors
    /// [`Error::Claimed`] when another command changes or removes it for too long; [`Error::Interrupted`].
    pub(in crate::manager) async fn claim_shared(
        self,
        subject: Subject<'_>,
        name: &str,
    ) -> Result<Claim, Error> {
        self.take_claim(subject, name, LockMode::Shared, PATIENCE).await
    }

    /// Claims the subject to change or remove it: nobody else may use it.
    ///
    /// # Errors
    /// As [`Operation::claim_shared`].
    pub(in crate::manager) async fn claim_exclusive(
        self,
        subject: Subject<'_>,
        name: &str,
    ) -> Result<Claim, Error> {
        self.take_claim(subject, name, LockMode::Exclusive, PATIENCE).await
    }

    /// As [`Operation::claim_exclusive`], for as long as the other one is at it: an upload may take a while.
    ///
    /// # Errors
    /// [`Error::Claimed`] after an hour; [`Error::Interrupted`].
    pub(in crate::manager) async fn claim_exclusive_waiting(
        self,
        subject: Subject<'_>,
        name: &str,
    ) -> Result<Claim, Error> {
        self.take_claim(subject, name, LockMode::Exclusive, Duration::from_secs(3600)).await
    }

    /// A claim that is to be had at once: `None` while another has one that excludes it.
    ///
    /// # Errors
    /// When the directory of claims can't be used.
    pub(in crate::manager) fn claim_now(
        self,
        subject: Subject<'_>,
        mode: LockMode,
    ) -> Result<Option<Claim>, Error> {
        let path = self.claims_folder()?.join(subject.file_name());
        let held = host::try_hold(&path, mode).map_err(host::Error::from)?;
        Ok(held.map(|held| Claim { _held: held }))
    }

    async fn take_claim(
        self,
        subject: Subject<'_>,
        name: &str,
        hold: LockMode,
        patience: Duration,
    ) -> Result<Claim, Error> {
        let path = self.claims_folder()?.join(subject.file_name());
        let mut retry = self.retry(patience);
        let mut is_reported = false;
        loop {
            if let Some(held) = host::try_hold(&path, hold).map_err(host::Error::from)? {
                return Ok(Claim { _held: held });
            }
            if !std::mem::replace(&mut is_reported, true) {
                self.report(Event::AwaitsClaim { name });
            }
            if !retry.again().await? {
                return Err(Error::Claimed { name: name.to_owned() });
            }
        }
    }

    /// Whether somebody has a claim on it now. Where that cannot be determined nobody has.
    pub(in crate::manager) fn is_claimed(self, subject: Subject<'_>) -> bool {
        let Ok(folder) = self.claims_folder() else { return false };
        matches!(host::try_hold(&folder.join(subject.file_name()), LockMode::Exclusive), Ok(None))
    }

    /// Removes what killed processes have left of claims.
    pub(in crate::manager) fn sweep_claims(self) -> Result<Vec<PathBuf>, Error> {
        Ok(host::sweep_held(&self.claims_folder()?, ENDING))
    }

    /// Whether a claim keeps out all that use this libvirt: none but this host's vmtools write to the directory, and
    /// all of these claim in one place.
    pub(in crate::manager) fn claims_are_all(self, folder: &str) -> bool {
        let locality = self.locality();
        let in_one_place = locality.is_session() || self.shared_folder().is_some();
        locality.is_here() && in_one_place && host::is_of_this_host(Path::new(folder))
    }

    fn claims_folder(self) -> Result<PathBuf, Error> {
        match self.shared_folder() {
            Some(folder) => Ok(folder),
            None => Ok(self.paths().claims_folder()?),
        }
    }

    fn shared_folder(self) -> Option<PathBuf> {
        let locality = self.locality();
        (locality.is_here() && !locality.is_session()).then(host::system_lock_folder).flatten()
    }
}

impl Subject<'_> {
    fn file_name(self) -> String {
        match self {
            Self::Vm(uuid) => format!("vm-{uuid}{ENDING}"),
            Self::Name(name) => format!("name-{name}{ENDING}"),
            Self::Image(hex) => format!("image-{hex}{ENDING}"),
            Self::Base(volume) => format!("{volume}{ENDING}"),
            Self::Network(uuid) => format!("network-{uuid}{ENDING}"),
            Self::Subnets => format!("subnets{ENDING}"),
            Self::Mac(mac) => format!("mac-{}{ENDING}", mac.replace(':', "-")),
            Self::Warm(key) => format!("warm-{key}{ENDING}"),
            Self::LiveDisks(uuid) => format!("disks-{uuid}{ENDING}"),
            Self::File(device, inode) => format!("file-{device}-{inode}{ENDING}"),
        }
    }
}
