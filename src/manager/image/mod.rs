//! Images as users see them: what the catalogue offers, and what is stored on this machine.

mod available;
pub(in crate::manager) mod commit;
mod error;
mod import;
mod listing;
mod pull;
mod removal;
mod status;
mod usage;

pub use available::{AvailableBuild, AvailableImage};
pub use commit::ImageCommit;
pub use error::ImageError;
pub(in crate::manager) use import::progress_of;
pub use import::{ImageImport, import_image, user_image};
pub use pull::{PullRequest, PulledImage};
pub use removal::{PruneRequest, RemovedImage, UnusedImage};
pub use status::{ImageKind, ImageStatus, WarmStatus};

use super::Error;
use super::operation::noun;
use crate::config::Paths;
use crate::image::{Catalog, Entry, Store, StoredImageKind};

noun! {
    /// Images, on this machine and in libvirt's pools.
    Images
}

/// The images of the catalogue of whose names one holds `filter`; the user's own come first.
///
/// # Errors
/// When the user's catalogue can't be read.
pub fn available_images(paths: &Paths, filter: Option<&str>) -> Result<Vec<AvailableImage>, Error> {
    let filter = filter.unwrap_or_default().to_ascii_lowercase();
    let catalog = load_catalog(paths)?;
    let entries = catalog.entries().iter();
    let named = |entry: &&Entry| entry.names().any(|name| name.to_ascii_lowercase().contains(&filter));
    Ok(entries.filter(named).filter_map(AvailableImage::of).collect())
}

/// The images that are kept on this machine.
pub(in crate::manager) fn image_store(paths: &Paths) -> Result<Store, Error> {
    Ok(Store::new(paths.cache_folder().to_owned(), paths.data_folder(), load_catalog(paths)?))
}

pub(in crate::manager) fn load_catalog(paths: &Paths) -> Result<Catalog, Error> {
    let file = paths.catalogue_file();
    Ok(Catalog::load(file.is_file().then_some(file.as_path()))?)
}

/// The image of the user's own that has this name.
async fn kept(store: &Store, name: &str) -> Result<ImageStatus, Error> {
    let images = store.stored_images().await?;
    let imported = images.iter().find(|stored| stored.kind == StoredImageKind::Own && stored.name == name);
    Ok(imported
        .map(ImageStatus::from)
        .ok_or_else(|| ImageError::NotFound { name: name.to_owned(), nearest: None })?)
}
