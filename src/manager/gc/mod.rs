//! What killed commands have left, and VMs whose time is over.
//!
//! Whatever a command makes is recorded before it is made, so all that a killed one leaves is found from a
//! record: a VM with the mark of its maker, a base without its marker, a file that bears the UUID of a VM
//! that is gone. A disk that was kept on purpose bears one too: disks are never garbage by their names.

mod forks;
mod reverts;
mod snapshots;
mod sockets;
mod vms;
mod volumes;
mod warm;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(super) use vms::{Maker, maker};

use super::Error;
use super::clone::copying::maker_of_folder;
use super::image::Images;
use super::inventory::Inventory;
use super::operation::noun;
use super::retry::Retry;
use crate::config::Paths;
use crate::image::Leftover;
use crate::libvirt::OwnedVolume;
use crate::manager::warm::WarmKey;
use crate::model::{Timestamp, Uuid};

const PATIENCE: Duration = Duration::from_secs(30);

/// Why something is garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A create or delete that was killed left it.
    Unfinished,
    /// Its time to live is over.
    Expired,
    /// An abandoned upload of an image.
    BrokenUpload,
    /// An image's download that broke off.
    BrokenDownload,
    /// The copy of a disk that a killed `image commit` left.
    BrokenCommit,
    /// What an `image import` or `image commit` that was killed left on this machine.
    BrokenImport,
    /// The pool that a killed `clone` had made of a directory for the time being; the directory's files stay.
    ForgottenPool,
    /// A log, seed or socket of a VM that is gone.
    Orphan,
    /// A socket of a VM that is shut off, whose QEMU was killed.
    StaleSocket,
    /// A state to start VMs from, or its disk, that is of no use and that no VM needs.
    WarmState,
    /// A running VM that a killed fork has left on an overlay, which is merged into its disk.
    ForkOverlay,
    /// A snapshot whose time is over.
    ExpiredSnapshot,
    /// A snapshot that a killed `snapshot create` has left half-made.
    UnfinishedSnapshot,
    /// A revert to a snapshot that was killed midway: it is finished.
    UnfinishedRevert,
    /// A file that was to take another's place, left by a command that was killed as it wrote it.
    BrokenWrite,
}

/// Something that `gc` removes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Garbage {
    /// The VM's name, the volume's, or that of a download's file; of a snapshot `VM/NAME`.
    pub name: String,
    /// The UUID of the VM, or of that which has the snapshot; `None` for a volume or a download.
    pub uuid: Option<Uuid>,
    /// Why.
    pub reason: Reason,
    /// The files that go.
    pub files: Vec<String>,
    /// From when on it may go: somebody may be at it still. `None`: it may go now.
    pub removable_at: Option<Timestamp>,
    #[serde(skip)]
    target: Target,
}

/// What is removed, and how.
#[derive(Debug, Clone)]
enum Target {
    Vm,
    Volume(OwnedVolume),
    WarmState(WarmKey),
    WarmCopy(PathBuf),
    ForkOverlays(Uuid),
    Snapshot { uuid: Uuid, name: String },
    Revert(Uuid),
    Pool(String),
    Download(Box<Leftover>),
    Import(Box<Leftover>),
    Sockets(Uuid),
    Temporary(PathBuf),
}

noun! {
    /// What killed commands have left, and VMs whose time is over.
    GarbageCollection
}

impl GarbageCollection<'_> {
    /// What `gc` would remove, and what it will once nobody can be at it any more. A VM whose QEMU hangs is named by
    /// a warning, and what is its own is not garbage.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn find(&self) -> Result<Vec<Garbage>, Error> {
        let inventory = Inventory::load(self.op).await?;
        let mut garbage = self.vms(&inventory).await?;
        let going: Vec<Uuid> = garbage.iter().filter_map(|vm| vm.uuid).collect();
        garbage.extend(self.snapshots(&inventory, &going).await?);
        garbage.extend(self.reverts(&inventory));
        garbage.extend(self.volumes(&inventory));
        garbage.extend(self.forgotten_pools(&inventory).await?);
        garbage.extend(self.fork_overlays(&inventory).await?);
        garbage.extend(self.warm_states(&inventory).await?);
        garbage.extend(self.sockets(&inventory));
        let store = Images::of(self.op).image_store()?;
        garbage.extend(store.user_images().abandoned()?.into_iter().map(of_import));
        garbage.extend(store.leftovers().await?.into_iter().map(of_download));
        garbage.extend(self.op.paths().abandoned_temporaries().into_iter().map(of_temporary));
        Ok(garbage)
    }

    /// Removes what may go by now, unless it has come to be of use since it was found, as long as `on_result` says so
    /// after each. VMs are removed together: what one of them needs of another is no reason to keep that.
    ///
    /// # Errors
    /// Passed to `on_result`: [`Error::LeftBehind`] when not everything could be removed; those of
    /// [`Deletion`](super::Deletion).
    pub async fn remove_each(
        &self,
        garbage: Vec<Garbage>,
        mut on_result: impl FnMut(Garbage, Result<(), Error>) -> bool,
    ) {
        let removable = garbage.into_iter().filter(|item| item.removable_at.is_none());
        let (vms, others): (Vec<_>, Vec<_>) = removable.partition(|item| matches!(item.target, Target::Vm));
        if !self.remove_vms(vms, &mut on_result).await {
            return;
        }
        for item in others {
            let removed = self.remove(&item).await;
            if !on_result(item, removed) {
                return;
            }
        }
    }

    /// Removes what is no VM.
    async fn remove(&self, garbage: &Garbage) -> Result<(), Error> {
        match &garbage.target {
            // These go together.
            Target::Vm => Ok(()),
            Target::Volume(volume) => self.remove_volume(volume).await,
            Target::WarmState(key) => self.remove_warm_state(key).await,
            Target::WarmCopy(copy) => self.remove_warm_copy(copy),
            Target::ForkOverlays(uuid) => self.remove_fork_overlays(*uuid).await,
            Target::Revert(uuid) => self.remove_revert(*uuid).await,
            Target::Snapshot { uuid, name } => self.remove_snapshot(*uuid, name).await,
            Target::Pool(name) => {
                let retry = Retry::regardless(Instant::now() + PATIENCE);
                // One in which libvirt still copies is busy.
                Ok(retry.while_busy(async || self.op.client().pools().destroy(name).await).await.map(drop)?)
            }
            Target::Download(download) => {
                Ok(Images::of(self.op).image_store()?.remove_leftover(download).await?)
            }
            Target::Import(import) => {
                Ok(Images::of(self.op).image_store()?.user_images().remove_abandoned(import)?)
            }
            Target::Sockets(uuid) => self.remove_sockets(*uuid, garbage).await,
            Target::Temporary(path) => Ok(Paths::remove_temporary(path)?),
        }
    }

    /// Removes the files of locks that killed processes have left.
    pub fn sweep(&self) {
        let _ = self.op.sweep_claims();
        if let Ok(store) = Images::of(self.op).image_store() {
            store.sweep_locks();
        }
    }

    /// The pools that were made for the sake of clones of which none goes on. One may use what another has made.
    async fn forgotten_pools(&self, inventory: &Inventory) -> Result<Vec<Garbage>, Error> {
        if inventory
            .definitions
            .all_stored()
            .iter()
            .any(|domain| matches!(maker(domain.creator()), Maker::AtWork))
        {
            return Ok(Vec::new());
        }
        let is_forgotten =
            |pool: &String| maker_of_folder(pool).is_some_and(|maker| maker.is_alive() == Some(false));
        let pools = self.op.client().pools().active().await?.into_iter().filter(is_forgotten);
        Ok(pools.map(|name| Garbage::of(Target::Pool(name.clone()), name, Reason::ForgottenPool)).collect())
    }
}

impl Garbage {
    /// What has no files, and may go.
    fn of(target: Target, name: String, reason: Reason) -> Self {
        Self { name, uuid: None, reason, files: Vec::new(), removable_at: None, target }
    }

    fn with_files<'a>(self, files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let files = files.into_iter().map(|file| file.to_string_lossy().into_owned()).collect();
        Self { files, ..self }
    }
}

fn of_import(import: Leftover) -> Garbage {
    let (name, files) = (name_of(import.path.file_stem()), import.files.clone());
    Garbage::of(Target::Import(Box::new(import)), name, Reason::BrokenImport).with_files(&files)
}

fn of_download(download: Leftover) -> Garbage {
    let (name, files) = (name_of(download.path.file_name()), download.files.clone());
    Garbage::of(Target::Download(Box::new(download)), name, Reason::BrokenDownload).with_files(&files)
}

fn of_temporary(path: PathBuf) -> Garbage {
    let name = name_of(path.file_name());
    Garbage::of(Target::Temporary(path.clone()), name, Reason::BrokenWrite).with_files([&path])
}

fn name_of(file: Option<&std::ffi::OsStr>) -> String {
    file.unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
impl Garbage {
    pub(crate) fn sample(
        name: &str,
        reason: Reason,
        files: &[PathBuf],
        removable_at: Option<Timestamp>,
    ) -> Self {
        Self { removable_at, ..Self::of(Target::Vm, name.to_owned(), reason).with_files(files) }
    }
}
