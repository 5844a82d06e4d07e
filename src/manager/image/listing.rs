use super::usage::{Base, bases};
use super::{ImageKind, ImageStatus, image_store};
use crate::config::Paths;
use crate::image::{Format, Store, StoredImage};
use crate::manager::image::Images;
use crate::manager::inventory::Inventory;
use crate::manager::warm::{WarmKey, WarmStates};
use crate::manager::{Error, Event, ImageError, Warning};
use crate::model::nearest;

/// Least digits of a digest that name an image.
const DIGEST_DIGITS: usize = 6;

/// An image, with what it takes to remove it.
pub(super) struct Item {
    pub(super) status: ImageStatus,
    /// Its files on this machine; `None` for a base alone.
    pub(super) stored: Option<StoredImage>,
    pub(super) bases: Vec<Base>,
    /// The key of a warm state.
    pub(super) warm: Option<WarmKey>,
}

impl Images<'_> {
    /// The images on this machine and in libvirt's pools: the user's own, downloads, then bases that were made
    /// of other files. Where libvirt can't be asked, a warning says so, and nobody knows what uses them.
    ///
    /// # Errors
    /// When the directories can't be read, or libvirt answers nonsense.
    pub async fn list(&self) -> Result<Vec<ImageStatus>, Error> {
        let items = match self.items().await {
            Err(Error::Libvirt(error)) if error.is_connection() => {
                let reason = error.to_string();
                self.op.report(Event::Warning(Warning::ImageUseUnknown { reason }));
                let images = image_store(self.op.paths())?.stored_images().await?;
                return Ok(images.iter().map(ImageStatus::from).collect());
            }
            other => other?,
        };
        Ok(items.into_iter().map(|item| item.status).collect())
    }

    /// The names of the images on this machine, without a question to libvirt.
    ///
    /// # Errors
    /// When the directories can't be read.
    pub async fn names(&self) -> Result<Vec<String>, Error> {
        let images = image_store(self.op.paths())?.stored_images().await?;
        Ok(images.into_iter().map(|stored| stored.name).collect())
    }

    /// All there is to know of an image, by its name or the beginning of its digest.
    ///
    /// # Errors
    /// [`ImageError::NotFound`], [`ImageError::Ambiguous`]; what [`Images::list`] says.
    pub async fn info(&self, name: &str) -> Result<ImageStatus, Error> {
        pick(self.list().await?, self.op.paths(), name, |status| status)
    }

    /// All images, as far as libvirt's pools show them too.
    pub(super) async fn items(&self) -> Result<Vec<Item>, Error> {
        let store: Store = image_store(self.op.paths())?;
        let inventory = Inventory::load(self.op).await?;
        let mut bases = bases(&inventory);
        let mut items = Vec::new();
        for stored in store.stored_images().await? {
            let digest = stored.digest.to_string();
            let of_image: Vec<Base> = bases.iter().filter(|base| base.is_of(&digest)).cloned().collect();
            let mut status = ImageStatus::from(&stored);
            status.used_by = Some(users(&of_image));
            status.bases = of_image.iter().map(|base| base.volume.path.clone()).collect();
            items.push(Item { status, stored: Some(stored), bases: of_image, warm: None });
        }
        bases.retain(|base| {
            !items.iter().any(|item| item.bases.iter().any(|listed| listed.volume == base.volume))
        });
        for base in bases {
            let status = self.status_of_base(&base).await?;
            items.push(Item { status, stored: None, bases: vec![base], warm: None });
        }
        for (key, status) in WarmStates::of(self.op).list(&inventory).await? {
            items.push(Item { status, stored: None, bases: Vec::new(), warm: Some(key) });
        }
        Ok(items)
    }

    async fn status_of_base(&self, base: &Base) -> Result<ImageStatus, Error> {
        let marker = self.marker(base).await?;
        Ok(ImageStatus {
            name: marker.name.unwrap_or_else(|| base.volume.volume.clone()),
            kind: ImageKind::Base,
            digest: marker.digest,
            format: match base.format.as_deref() {
                Some("qcow2") => Some(Format::Qcow2),
                Some("raw") => Some(Format::Raw),
                _ => None,
            },
            size_bytes: base.size_bytes,
            virtual_size_bytes: marker.virtual_size_bytes,
            source: marker.source,
            used_by: Some(users(std::slice::from_ref(base))),
            last_used: base.last_used,
            created: None,
            default_user: None,
            firmware: None,
            verified: true,
            committed: false,
            path: None,
            bases: vec![base.volume.path.clone()],
            warm: None,
        })
    }
}

/// Takes the one that the name means: the user's own goes before a download of the same name, and that before
/// a base.
pub(super) fn pick<T>(
    mut items: Vec<T>,
    paths: &Paths,
    name: &str,
    status: impl Fn(&T) -> &ImageStatus,
) -> Result<T, Error> {
    // An alias of the catalogue.
    let catalog = super::load_catalog(paths)?;
    let entry = catalog.resolve(name).ok().map(|entry| entry.name.as_str());
    let is_named = |item: &T, kind| {
        let status = status(item);
        let is = |wanted: &str| status.name == wanted;
        status.kind == kind && (is(name) || (kind == ImageKind::Download && entry.is_some_and(is)))
    };
    let hex = name.rsplit(':').next().unwrap_or(name);
    let has_digest = |item: &T| {
        let digest = status(item).digest.as_deref().unwrap_or_default();
        hex.len() >= DIGEST_DIGITS
            && digest.split_once(':').is_some_and(|(_, digits)| digits.starts_with(hex))
    };
    let kinds = [ImageKind::Own, ImageKind::Download, ImageKind::Base, ImageKind::Warm];
    let of_kind = |kind| (0..items.len()).filter(|at| is_named(&items[*at], kind)).collect::<Vec<_>>();
    let found = kinds.into_iter().map(of_kind).find(|found| !found.is_empty());
    let found = found.unwrap_or_else(|| (0..items.len()).filter(|at| has_digest(&items[*at])).collect());
    match found.as_slice() {
        [only] => Ok(items.swap_remove(*only)),
        [] => {
            let names: Vec<String> = items.iter().map(|item| status(item).name.clone()).collect();
            let nearest = nearest(name, names.iter().map(String::as_str)).into_iter().next();
            Err(ImageError::NotFound { name: name.to_owned(), nearest }.into())
        }
        several => {
            let digests = several.iter().filter_map(|at| status(&items[*at]).digest.clone()).collect();
            Err(ImageError::Ambiguous { name: name.to_owned(), digests }.into())
        }
    }
}

/// The users of all of these, each once.
pub(super) fn users(bases: &[Base]) -> Vec<String> {
    let mut users: Vec<String> =
        bases.iter().flat_map(|base| &base.users).map(|user| user.name().to_owned()).collect();
    users.sort();
    users.dedup();
    users
}
