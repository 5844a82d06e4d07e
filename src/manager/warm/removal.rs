//! States as images: what there is, and its removal.

use std::time::{Duration, Instant};

use super::folder::{WarmFolder, is_base, key_of_maker};
use super::{WarmKey, WarmState, WarmStates};
use crate::libvirt::OwnedVolume;
use crate::manager::claim::Subject;
use crate::manager::image::{ImageKind, ImageStatus, WarmStatus};
use crate::manager::inventory::{DeletionSet, Inventory};
use crate::manager::storage::Storage;
use crate::manager::{Error, StorageError};
use crate::model::Timestamp;

/// How long a removal tries while libvirt is busy.
const PATIENCE: Duration = Duration::from_secs(30);

impl WarmStates<'_> {
    /// The directory of this connection's states, if there is one that this user may read.
    ///
    /// # Errors
    /// When libvirt can't be asked for the storage pool.
    pub(in crate::manager) async fn folder(&self) -> Result<Option<WarmFolder>, Error> {
        if !self.op.locality().is_here() {
            return Ok(None);
        }
        let pool = self.op.client().pools().find(&self.op.config().storage.pool).await?;
        Ok(pool.as_ref().and_then(WarmFolder::of))
    }

    /// The names of the states that have files, whole or not.
    ///
    /// # Errors
    /// When libvirt can't be asked for the storage pool.
    pub async fn names(&self) -> Result<Vec<String>, Error> {
        let folder = self.folder().await?;
        Ok(folder.iter().flat_map(WarmFolder::keys).map(|key| key.name()).collect())
    }

    /// The states, whole or not, and those that are being made.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub(in crate::manager) async fn list(
        &self,
        inventory: &Inventory,
    ) -> Result<Vec<(WarmKey, ImageStatus)>, Error> {
        let Some(folder) = self.folder().await? else { return Ok(Vec::new()) };
        let mut keys = folder.keys();
        keys.extend(inventory.definitions.all_stored().iter().filter_map(|vm| key_of_maker(&vm.name)));
        keys.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        keys.dedup();
        let all = keys.into_iter().map(|key| {
            let status = describe(&folder, &key, inventory);
            (key, status)
        });
        Ok(all.collect())
    }

    pub(super) async fn status(&self, folder: &WarmFolder, key: &WarmKey) -> Result<ImageStatus, Error> {
        Ok(describe(folder, key, &Inventory::load(self.op).await?))
    }

    /// Removes a state. Its disk stays as long as VMs stand on it; `gc` removes it then.
    ///
    /// # Errors
    /// [`Error::Claimed`] while a VM is being made of it; [`Error::LeftBehind`] when not all of it could be removed.
    pub(in crate::manager) async fn remove(&self, key: &WarmKey) -> Result<(), Error> {
        let _claim = self.op.claim_exclusive(Subject::Warm(key.as_str()), &key.name()).await?;
        match self.folder().await? {
            Some(folder) => self.remove_claimed(&folder, key).await,
            None => Ok(()),
        }
    }

    /// Removes a state that is claimed, if it is of no use still.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not all of it could be removed.
    pub(in crate::manager) async fn remove_useless(&self, key: &WarmKey) -> Result<(), Error> {
        match self.folder().await? {
            Some(folder) if !folder.load(key).is_ok_and(|state| state.is_some()) => {
                self.remove_claimed(&folder, key).await
            }
            _ => Ok(()),
        }
    }

    /// As [`WarmStates::remove`], of one that is claimed.
    pub(super) async fn remove_claimed(&self, folder: &WarmFolder, key: &WarmKey) -> Result<(), Error> {
        let not_removed = || StorageError::NotRemoved { name: key.name() };
        folder.remove(key).map_err(|_| not_removed())?;
        let inventory = Inventory::load(self.op).await?;
        let disks = unneeded_disks(&inventory, key);
        Storage::of(self.op).refuse_open(disks.iter().map(|disk| disk.path.as_str())).await?;
        let deadline = Instant::now() + PATIENCE;
        let removed = Storage::of(self.op).remove_volumes(&disks, deadline).await;
        removed.map_err(|left| Error::LeftBehind { cause: Box::new(not_removed().into()), left })
    }
}

/// The disks of the state on which no VM stands.
pub(in crate::manager) fn unneeded_disks(inventory: &Inventory, key: &WarmKey) -> Vec<OwnedVolume> {
    let of_state =
        inventory.files.volumes().filter(|(_, volume)| is_base(&volume.name).as_ref() == Some(key));
    let unneeded =
        of_state.filter(|(_, volume)| inventory.needed_by(&volume.path, &DeletionSet::default()).is_empty());
    let owned = unneeded.map(|(pool, volume)| OwnedVolume {
        pool: pool.to_owned(),
        volume: volume.name.clone(),
        path: volume.path.clone(),
    });
    owned.collect()
}

fn describe(folder: &WarmFolder, key: &WarmKey, inventory: &Inventory) -> ImageStatus {
    let loaded = folder.load(key);
    let maker = inventory.definitions.all_stored().iter().find(|vm| vm.name == key.maker());
    let state = match (&loaded, maker) {
        (_, Some(_)) => "warming",
        (Ok(Some(_)), None) => "ready",
        _ => "unusable",
    };
    let whole: Option<&WarmState> = loaded.as_ref().ok().and_then(Option::as_ref);
    let record = whole.and_then(|state| crate::libvirt::Metadata::of_domain(&state.image.domain));
    let record = record.or_else(|| maker.and_then(|vm| vm.metadata.clone())).unwrap_or_default();
    let disk = whole.and_then(|state| inventory.files.volume(&state.disk.path));
    let users = whole.map(|state| inventory.needed_by(&state.disk.path, &DeletionSet::default()));
    let users: Vec<String> = users.into_iter().flatten().map(|user| user.name().to_owned()).collect();
    ImageStatus {
        name: key.name(),
        kind: ImageKind::Warm,
        digest: None,
        format: None,
        size_bytes: whole.map_or(0, WarmState::size_bytes) + disk.map_or(0, |disk| disk.allocation_bytes),
        virtual_size_bytes: disk.map(|disk| disk.capacity_bytes),
        source: record.image.clone().unwrap_or_default(),
        used_by: Some(users),
        last_used: disk.and_then(|disk| disk.accessed).map(Timestamp::from),
        created: whole.map(|state| Timestamp::from(state.saved)),
        default_user: record.ssh.map(|ssh| ssh.user),
        firmware: None,
        verified: true,
        committed: false,
        path: whole.map(|state| state.file.to_string_lossy().into_owned()),
        bases: whole.map(|state| state.disk.path.clone()).into_iter().collect(),
        warm: Some(WarmStatus {
            state,
            template: record.template,
            memory_mib: whole
                .and_then(|state| state.image.domain.find_text("memory")?.parse::<u64>().ok())
                .map(|kib| kib / 1024),
        }),
    }
}
