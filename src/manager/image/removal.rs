use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::listing::{Item, pick};
use super::usage::Base;
use super::{ImageKind, image_store};
use crate::image::StoredImage;
use crate::libvirt::OwnedVolume;
use crate::manager::claim::Subject;
use crate::manager::image::Images;
use crate::manager::inventory::Dependent;
use crate::manager::storage::Storage;
use crate::manager::storage::base::marker_name;
use crate::manager::warm::{WarmKey, WarmStates};
use crate::manager::{Error, ImageError, StorageError};

/// How long a removal tries while libvirt is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which images may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneRequest {
    /// Only those that were not used for so long.
    pub older_than: Option<Duration>,
    /// The user's own, too, which can't be had again.
    pub include_own: bool,
}

/// An image that nothing needs.
#[derive(Debug, Clone, serde::Serialize)]
pub struct UnusedImage {
    /// Its name.
    pub name: String,
    /// How it is kept.
    pub kind: ImageKind,
    /// Its digest, if that is known.
    pub digest: Option<String>,
    /// Whether the image goes, not only the bases that are copies of it.
    pub whole: bool,
    /// The room that gets free.
    pub size_bytes: u64,
    /// The files that go.
    pub files: Vec<String>,
    #[serde(skip)]
    item: Removal,
}

/// An image that was removed.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RemovedImage {
    /// Its name.
    pub name: String,
    /// Its digest, if that is known.
    pub digest: Option<String>,
    /// The files that were removed.
    pub files: Vec<String>,
    /// Whether the image itself was, not only the copies of it in storage pools.
    pub whole: bool,
}

/// What is done to remove an image.
#[derive(Debug, Clone, Default)]
struct Removal {
    stored: Option<StoredImage>,
    bases: Vec<OwnedVolume>,
    warm: Option<WarmKey>,
}

impl Images<'_> {
    /// Removes an image, by its name or the beginning of its digest, with its bases. Those of one that has the same
    /// content as another image are that one's, too, and stay.
    ///
    /// # Errors
    /// [`ImageError::InUse`]; [`ImageError::NotFound`], [`ImageError::Ambiguous`]; when not all of it could be removed.
    pub async fn remove(&self, name: &str) -> Result<RemovedImage, Error> {
        let items = self.items().await?;
        let shared = shared_bases(&items);
        let mut item = pick(items, self.op.paths(), name, |item| &item.status)?;
        item.bases.retain(|base| !shared.contains(&base.volume.path));
        refuse_used(&item.status.name, &item.bases)?;
        self.remove_unused(unused(item, true)).await
    }

    /// The images that nothing needs. Of the user's own only the bases, unless they may go too.
    ///
    /// # Errors
    /// When libvirt can't be asked: then nobody knows.
    pub async fn unused(&self, request: PruneRequest) -> Result<Vec<UnusedImage>, Error> {
        let mut found = self.items().await?;
        let is_unused = |item: &Item| {
            let is_old = |limit| item.status.last_used.is_none_or(|time| time.elapsed() >= limit);
            item.status.used_by.as_ref().is_some_and(Vec::is_empty) && request.older_than.is_none_or(is_old)
        };
        // A base goes with the last of the images that it is a copy of.
        let mut of_others: HashSet<String> =
            found.iter().filter(|item| !is_unused(item)).flat_map(base_paths).collect();
        found.retain(is_unused);
        for item in found.iter_mut().rev() {
            let all = base_paths(item);
            item.bases.retain(|base| !of_others.contains(&base.volume.path));
            of_others.extend(all);
        }
        let unused = found.into_iter().map(|item| {
            let whole = request.include_own || item.status.kind != ImageKind::Own;
            unused(item, whole)
        });
        Ok(unused.filter(|image| !image.files.is_empty()).collect())
    }

    /// Removes one of [`Images::unused`], if nothing has come to need it since.
    ///
    /// # Errors
    /// [`ImageError::InUse`]; [`Error::LeftBehind`] when not all of it could be removed.
    pub async fn remove_unused(&self, image: UnusedImage) -> Result<RemovedImage, Error> {
        self.op.check()?;
        let UnusedImage { name, digest, files, whole, item, .. } = image;
        if let Some(key) = &item.warm {
            WarmStates::of(self.op).remove(key).await?;
            return Ok(RemovedImage { name, digest, files, whole });
        }
        let mut claims = Vec::new();
        let hex = digest.as_deref().and_then(|digest| digest.rsplit(':').next());
        if let (Some(_), Some(hex)) = (&item.stored, hex) {
            claims.push(self.op.claim_exclusive(Subject::Image(hex), &name).await?);
        }
        for base in &item.bases {
            claims.push(self.op.claim_exclusive(Subject::Base(&base.volume), &name).await?);
        }
        // Somebody may have been asked meanwhile, and taken his time. With the bases claimed it stays so.
        let mut now = self.bases().await?;
        // What stands on a base that is another image's, too, needs that one.
        let whole_and_last = whole && !self.has_twin(item.stored.as_ref()).await?;
        let is_of_it =
            |base: &Base| whole_and_last && digest.as_deref().is_some_and(|digest| base.is_of(digest));
        now.retain(|base| item.bases.contains(&base.volume) || is_of_it(base));
        refuse_used(&name, &now)?;
        let paths = item.bases.iter().map(|base| base.path.as_str());
        Storage::of(self.op).refuse_open(paths).await?;
        let deadline = Instant::now() + PATIENCE;
        for base in &item.bases {
            // Without its marker it is no base any more: a create that comes now makes another.
            let marker = marker_name(&base.volume);
            let marker =
                OwnedVolume { pool: base.pool.clone(), path: marker_name(&base.path), volume: marker };
            Storage::of(self.op).remove_volumes(&[marker, base.clone()], deadline).await.map_err(|left| {
                Error::LeftBehind {
                    cause: Box::new(StorageError::NotRemoved { name: name.clone() }.into()),
                    left,
                }
            })?;
        }
        if let Some(stored) = &item.stored {
            image_store(self.op.paths())?.discard(stored).await?;
        }
        Ok(RemovedImage { name, digest, files, whole })
    }

    /// Whether another image on this host has the same content now.
    async fn has_twin(&self, stored: Option<&StoredImage>) -> Result<bool, Error> {
        let Some(stored) = stored else { return Ok(false) };
        let all = image_store(self.op.paths())?.stored_images().await?;
        Ok(all.iter().any(|other| other.path != stored.path && other.digest == stored.digest))
    }
}

/// The paths of the bases that are copies of several of the images.
fn shared_bases(items: &[Item]) -> HashSet<String> {
    let mut seen = HashSet::new();
    items.iter().flat_map(base_paths).filter(|path| !seen.insert(path.clone())).collect()
}

fn base_paths(item: &Item) -> Vec<String> {
    item.bases.iter().map(|base| base.volume.path.clone()).collect()
}

fn refuse_used(image: &str, bases: &[Base]) -> Result<(), Error> {
    let needed_by: Vec<Dependent> = bases.iter().flat_map(|base| base.users.clone()).collect();
    match needed_by.is_empty() {
        true => Ok(()),
        false => Err(ImageError::InUse { image: image.to_owned(), needed_by }.into()),
    }
}

/// With `whole` its own file goes too, not only its bases.
fn unused(item: Item, whole: bool) -> UnusedImage {
    let Item { status, stored, bases, warm } = item;
    if warm.is_some() {
        // Its disk goes with the last of the VMs that stand on it.
        let disks = status.bases.iter().filter(|_| status.used_by.as_ref().is_some_and(Vec::is_empty));
        return UnusedImage {
            files: status.path.iter().chain(disks).cloned().collect(),
            name: status.name,
            kind: status.kind,
            digest: None,
            whole: true,
            size_bytes: status.size_bytes,
            item: Removal { warm, ..Removal::default() },
        };
    }
    let stored = stored.filter(|_| whole);
    let file = stored.as_ref().map(|stored| stored.path.to_string_lossy().into_owned());
    let of_file = stored.as_ref().map_or(0, |stored| stored.size_bytes);
    UnusedImage {
        name: status.name,
        kind: status.kind,
        whole: stored.is_some(),
        digest: status.digest,
        size_bytes: of_file + bases.iter().map(|base| base.size_bytes).sum::<u64>(),
        files: file.into_iter().chain(bases.iter().map(|base| base.volume.path.clone())).collect(),
        item: Removal { stored, bases: bases.into_iter().map(|base| base.volume).collect(), warm: None },
    }
}

#[cfg(test)]
impl UnusedImage {
    pub(crate) fn sample(name: &str, whole: bool, size_bytes: u64, files: Vec<String>) -> Self {
        let name = name.to_owned();
        Self {
            name,
            kind: ImageKind::Download,
            digest: None,
            whole,
            size_bytes,
            files,
            item: Removal::default(),
        }
    }
}
