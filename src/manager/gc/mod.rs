//! What killed commands have left, and VMs whose time is over.
//!
//! Whatever a command makes is recorded before it is made, so all that a killed one leaves is found from a
//! record: a VM with the mark of its maker, a base without its marker, a file that bears the UUID of a VM
//! that is gone. A disk that was kept on purpose bears one too: disks are never garbage by their names.

mod sockets;

use std::path::Path;
use std::time::{Duration, Instant};

use super::claim::Subject;
use super::clone::copying::maker_of_folder;
use super::delete::Deletion;
use super::image::{Images, commit};
use super::inventory::{DeletionSet, Inventory};
use super::operation::noun;
use super::retry::Retry;
use super::storage::{Storage, base, file_mark};
use super::{Error, StorageError};
use crate::host::Creator;
use crate::image::Leftover;
use crate::libvirt::{Domain, DomainId, OwnedVolume, Volume};
use crate::model::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// Why something is garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A create or delete that was killed left it.
    Unfinished,
    /// Its time to live is over.
    Expired,
    /// An image's upload that was given up.
    BrokenUpload,
    /// An image's download that broke off.
    BrokenDownload,
    /// The copy of a disk that a killed `image commit` left.
    BrokenCommit,
    /// What an `image import` or `image commit` that was killed left on this machine.
    BrokenImport,
    /// The pool that a killed `clone` had made of a folder for the time being; the folder's files stay.
    ForgottenPool,
    /// A log, seed or socket of a VM that is gone.
    Orphan,
    /// A socket of a VM that is shut off, whose QEMU was killed.
    StaleSocket,
}

/// Something that `gc` removes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Garbage {
    /// The VM's name, the volume's, or that of a download's file.
    pub name: String,
    /// The VM's UUID; `None` for a volume or a download.
    pub uuid: Option<Uuid>,
    /// Why.
    pub reason: Reason,
    /// The files that go.
    pub files: Vec<String>,
    #[serde(skip)]
    target: Target,
}

/// What is removed, and how.
#[derive(Debug, Clone)]
enum Target {
    Vm(Uuid),
    Volume(OwnedVolume),
    Pool(String),
    Download(Box<Leftover>),
    Import,
    Sockets(Uuid),
}

noun! {
    /// What killed commands have left, and VMs whose time is over.
    GarbageCollection
}

impl GarbageCollection<'_> {
    /// What `gc` would remove. A VM whose QEMU hangs is named by a warning, and what is its own is not garbage.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn find(&self) -> Result<Vec<Garbage>, Error> {
        let inventory = Inventory::load(self.op).await?;
        let mut garbage = Vec::new();
        for domain in inventory.definitions.all_stored() {
            // A create takes its mark off before it ends, so only a mark that is read after its end was seen
            // proves that it was killed.
            if of_domain(domain).is_some() {
                garbage.extend(self.of_domain_now(domain.uuid, &inventory).await?);
            }
        }
        garbage.extend(volumes(&inventory).into_iter().map(of_volume));
        garbage.extend(self.forgotten_pools(&inventory).await?);
        garbage.extend(self.sockets(&inventory));
        garbage.extend(self.broken_imports()?);
        let store = Images::of(self.op).image_store()?;
        garbage.extend(store.leftovers().await?.into_iter().map(of_download));
        Ok(garbage)
    }

    /// Removes it, unless it has come to be of use since it was found.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not everything could be removed.
    pub async fn remove(&self, garbage: &Garbage) -> Result<(), Error> {
        match &garbage.target {
            Target::Vm(uuid) => self.remove_vm(*uuid, &garbage.name).await,
            Target::Volume(volume) => self.remove_volume(volume).await,
            Target::Pool(name) => {
                let retry = Retry::regardless(Instant::now() + PATIENCE);
                // One in which libvirt still copies is busy.
                Ok(retry.while_busy(async || self.op.client().pools().destroy(name).await).await.map(drop)?)
            }
            Target::Download(download) => {
                Ok(Images::of(self.op).image_store()?.remove_leftover(download).await?)
            }
            Target::Import => {
                let store = Images::of(self.op).image_store()?;
                for file in &garbage.files {
                    store.own().remove_abandoned(Path::new(file))?;
                }
                Ok(())
            }
            Target::Sockets(uuid) => self.remove_sockets(*uuid, garbage).await,
        }
    }

    /// Removes the files of locks that killed processes have left.
    pub fn sweep(&self) {
        let _ = self.op.sweep_claims();
    }

    async fn remove_vm(&self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let claim = self.op.own(Subject::Vm(uuid), name).await?;
        // Its time to live may have been prolonged since.
        let domain = match self.op.client().definitions().current(uuid).await {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        if of_domain(&domain).is_none() {
            return Ok(());
        }
        let deletion = Deletion::of(self.op);
        let id = DomainId { uuid, name: domain.name };
        // What others have come to need of it stays, and so does it.
        let removed = async { deletion.delete_claimed(deletion.plan_one(id).await?, &claim).await };
        match removed.await {
            Err(Error::Libvirt(error)) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    async fn remove_volume(&self, volume: &OwnedVolume) -> Result<(), Error> {
        let _claim = self.op.own(Subject::Base(&volume.volume), &volume.volume).await?;
        let inventory = Inventory::load(self.op).await?;
        if !volumes(&inventory).iter().any(|(found, _)| found == volume) {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        let volumes = std::slice::from_ref(volume);
        Storage::of(self.op).remove_volumes(volumes, deadline).await.map_err(|left| Error::LeftBehind {
            cause: Box::new(StorageError::NotRemoved { name: volume.volume.clone() }.into()),
            left,
        })
    }

    async fn of_domain_now(&self, uuid: Uuid, inventory: &Inventory) -> Result<Option<Garbage>, Error> {
        match self.op.client().definitions().current(uuid).await {
            // It goes when its linked clones have gone.
            Ok(domain) if domain.is_parent() && !inventory.definitions.children_of(uuid).is_empty() => {
                Ok(None)
            }
            Ok(domain) => Ok(of_domain(&domain)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a create is at work on the VM.
    pub(super) async fn maker_of(&self, domain: &Domain) -> Result<Maker, Error> {
        match maker(domain) {
            Maker::Gone => Ok(maker(&self.op.client().definitions().current(domain.uuid).await?)),
            other => Ok(other),
        }
    }

    /// Whether the create or delete that worked on the VM was killed.
    pub(super) async fn is_interrupted(&self, domain: &Domain) -> Result<bool, Error> {
        match self.maker_of(domain).await {
            Ok(maker) => Ok(matches!(maker, Maker::Gone)),
            // Gone meanwhile.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn broken_imports(&self) -> Result<Vec<Garbage>, Error> {
        let files = Images::of(self.op).image_store()?.own().abandoned()?;
        let garbage = files.into_iter().map(|file| Garbage {
            name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            uuid: None,
            reason: Reason::BrokenImport,
            files: vec![file.to_string_lossy().into_owned()],
            target: Target::Import,
        });
        Ok(garbage.collect())
    }

    /// The pools that were made for the sake of clones of which none goes on. One may use what another has made.
    async fn forgotten_pools(&self, inventory: &Inventory) -> Result<Vec<Garbage>, Error> {
        if inventory.definitions.all_stored().iter().any(|domain| matches!(maker(domain), Maker::AtWork)) {
            return Ok(Vec::new());
        }
        let is_forgotten =
            |pool: &String| maker_of_folder(pool).is_some_and(|maker| maker.is_alive() == Some(false));
        let pools = self.op.client().pools().active().await?.into_iter().filter(is_forgotten);
        let garbage = pools.map(|name| Garbage {
            target: Target::Pool(name.clone()),
            name,
            uuid: None,
            reason: Reason::ForgottenPool,
            files: Vec::new(),
        });
        Ok(garbage.collect())
    }
}

/// Bases without a marker, copies of disks, and logs and seeds of VMs that are gone, that nobody writes to any
/// more and nobody needs.
fn volumes(inventory: &Inventory) -> Vec<(OwnedVolume, Reason)> {
    let known = |pool: &str, name: &str| {
        inventory.files.volumes().any(|(other, volume)| other == pool && volume.name == name)
    };
    let is_alive = |mark: &str| {
        let of_stored = inventory.definitions.all_stored().iter().map(|domain| domain.uuid);
        let of_hidden = inventory.definitions.hidden().iter().map(|id| id.uuid);
        of_stored.chain(of_hidden).any(|uuid| file_mark(uuid) == mark)
    };
    let reason = |pool: &str, volume: &Volume| match volume.name.as_str() {
        // A commit that still goes on loses nothing: it has opened the volume.
        name if name.starts_with(commit::PREFIX) => Some(Reason::BrokenCommit),
        name if base::is_base(name) && !known(pool, &base::marker_name(name)) => Some(Reason::BrokenUpload),
        name if base::is_marker(name) && !known(pool, base::of_marker(name)) => Some(Reason::BrokenUpload),
        name => mark_of(name).filter(|mark| !is_alive(mark)).map(|_| Reason::Orphan),
    };
    let stale = inventory.files.volumes().filter(|(_, volume)| base::is_stale(volume.modified));
    let found = stale.filter_map(|(pool, volume)| {
        let owned =
            OwnedVolume { pool: pool.to_owned(), volume: volume.name.clone(), path: volume.path.clone() };
        Some((owned, reason(pool, volume)?))
    });
    found.filter(|(owned, _)| inventory.needed_by(&owned.path, &DeletionSet::default()).is_empty()).collect()
}

/// The part of its VM's UUID that the name of a log or seed bears: `NAME-XXXXXXXX.log` and its like.
fn mark_of(name: &str) -> Option<&str> {
    let log = name.rsplit_once(".log").filter(|(_, piece)| {
        piece.is_empty() || piece.strip_prefix('.').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    let stem = log.map(|(stem, _)| stem).or(name.strip_suffix("-seed.img")).or(name.strip_suffix(".ign"))?;
    let (_, mark) = stem.rsplit_once('-')?;
    let is_hex = mark.len() == 8 && mark.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    is_hex.then_some(mark)
}

fn of_domain(domain: &Domain) -> Option<Garbage> {
    let record = domain.metadata.as_ref()?;
    let reason = match maker(domain) {
        Maker::Gone => Reason::Unfinished,
        Maker::AtWork => return None,
        Maker::None if domain.protected => return None,
        Maker::None if record.expires.is_some_and(|time| time.is_past()) => Reason::Expired,
        Maker::None => return None,
    };
    Some(Garbage {
        name: domain.name.clone(),
        uuid: Some(domain.uuid),
        reason,
        files: record.owned.iter().map(|owned| owned.path.clone()).collect(),
        target: Target::Vm(domain.uuid),
    })
}

fn of_volume((volume, reason): (OwnedVolume, Reason)) -> Garbage {
    Garbage {
        name: volume.volume.clone(),
        uuid: None,
        reason,
        files: vec![volume.path.clone()],
        target: Target::Volume(volume),
    }
}

fn of_download(download: Leftover) -> Garbage {
    let name = download.path.file_name().map(|name| name.to_string_lossy().into_owned());
    Garbage {
        name: name.unwrap_or_default(),
        uuid: None,
        reason: Reason::BrokenDownload,
        files: download.files.iter().map(|file| file.display().to_string()).collect(),
        target: Target::Download(Box::new(download)),
    }
}

/// Whether a create or delete is at work on a VM.
pub(super) enum Maker {
    /// None is: it was finished.
    None,
    /// One is, as far as can be told: of another host's process it can't.
    AtWork,
    /// The one that was has ended before it was finished.
    Gone,
}

/// As far as this definition tells, which may be older than the end of its maker.
fn maker(domain: &Domain) -> Maker {
    match domain.creator().map(str::parse::<Creator>) {
        None => Maker::None,
        Some(Ok(creator)) if creator.is_alive() == Some(false) => Maker::Gone,
        Some(_) => Maker::AtWork,
    }
}

#[cfg(test)]
mod tests {
    use super::mark_of;

    #[test]
    fn logs_and_seeds_bear_their_vms_mark_and_disks_are_left_alone() {
        for name in ["web-12ab34cd.log", "web-12ab34cd.log.0", "a-b-12ab34cd-seed.img", "web-12ab34cd.ign"] {
            assert_eq!(mark_of(name), Some("12ab34cd"), "{name}");
        }
        for name in
            ["web-12ab34cd.qcow2", "web-12ab34cd.img", "web.log", "web-12AB34CD.log", "x-12ab34cd.log.a"]
        {
            assert_eq!(mark_of(name), None, "{name}");
        }
    }
}
