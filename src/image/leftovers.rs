//! Downloads that broke off and that nobody goes on with.

use std::path::PathBuf;

use super::partial::Partial;
use super::record::Slot;
use super::{Error, Store};
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
        let slots = self.slots(Slot::downloading).await?;
        tokio::task::spawn_blocking(move || {
            let mut left = Vec::new();
            for slot in slots {
                if fs::try_lock(&slot.lock())?.is_some() {
                    let path = slot.partial();
                    let files = Partial(&path).files().into_iter().filter(|file| file.exists()).collect();
                    left.push(Leftover { path, files });
                }
            }
            Ok(left)
        })
        .await?
    }

    /// Removes it, unless somebody goes on with it by now.
    ///
    /// # Errors
    /// When its files can't be removed.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<(), Error> {
        let slots = self.slots(Slot::downloading).await?;
        let Some(slot) = slots.into_iter().find(|slot| slot.partial() == leftover.path) else {
            return Ok(());
        };
        tokio::task::spawn_blocking(move || match fs::try_lock(&slot.lock())? {
            Some(_lock) => Partial(&slot.partial()).remove(),
            None => Ok(()),
        })
        .await?
    }
}
