//! Downloads that broke off and that nobody goes on with, and images that were killed off before they had
//! their record.

use std::path::PathBuf;

use super::Store;
use super::record::Slot;
use crate::image::Error;
use crate::image::download::Partial;
use crate::image::file::remove_file;
use crate::system::fs;

/// What is left of a download that broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The file of the bytes that came.
    pub path: PathBuf,
    /// All its files.
    pub files: Vec<PathBuf>,
}

impl Store {
    /// What is left of downloads that no process is at. The next one of the same image would go on with it.
    ///
    /// # Errors
    /// When the cache can't be listed.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let slots = self.slots(Slot::unfinished).await?;
        tokio::task::spawn_blocking(move || all_of(slots)).await?
    }

    /// Removes it, unless somebody goes on with it by now.
    ///
    /// # Errors
    /// When its files can't be removed.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<(), Error> {
        let slots = self.slots(Slot::unfinished).await?;
        let leftover = leftover.clone();
        tokio::task::spawn_blocking(move || remove(slots, &leftover)).await?
    }

    /// Removes the files of locks that killed processes have left. Blocks shortly.
    pub fn sweep_locks(&self) {
        Slot::sweep_locks(&self.images);
        self.user_images.sweep_locks();
    }
}

/// What is of no use in those of the places that nobody is at.
pub(super) fn all_of(slots: Vec<Slot>) -> Result<Vec<Leftover>, Error> {
    let mut left = Vec::new();
    for slot in slots {
        // Under the lock: whoever puts an image there has it without its record for a moment.
        let Some(_lock) = fs::try_lock(&slot.lock())? else { continue };
        let files: Vec<_> = files(&slot).into_iter().filter(|file| file.exists()).collect();
        if !files.is_empty() {
            left.push(Leftover { path: slot.partial(), files });
        }
    }
    Ok(left)
}

/// Removes what is of no use in the place of the leftover, unless somebody is at it.
pub(super) fn remove(slots: Vec<Slot>, leftover: &Leftover) -> Result<(), Error> {
    let Some(slot) = slots.into_iter().find(|slot| slot.partial() == leftover.path) else {
        return Ok(());
    };
    match fs::try_lock(&slot.lock())? {
        Some(_lock) => files(&slot).iter().try_for_each(|file| remove_file(file)),
        None => Ok(()),
    }
}

/// The files of a place that are no use as they are. An image without a record is not trusted.
fn files(slot: &Slot) -> Vec<PathBuf> {
    Partial(&slot.partial()).files().into_iter().chain(slot.orphans()).collect()
}
