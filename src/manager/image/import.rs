use std::path::PathBuf;
use std::sync::Arc;

use super::{ImageStatus, image_store, kept};
use crate::config::Paths;
use crate::image::{NewImage, Progress};
use crate::manager::{Error, Event, Observer, Task, Warning};

/// A file that is to become an image of the user's own.
#[derive(Debug, Clone)]
pub struct ImageImport {
    /// The file.
    pub file: PathBuf,
    /// The name to give it.
    pub name: String,
    /// Whether its bytes are the disk's, whatever they look like.
    pub raw: bool,
    /// Whether an image that has the name goes.
    pub replace: bool,
    /// The user that the image has or makes.
    pub user: Option<String>,
}

/// Takes the file in. libvirt is not needed for it.
///
/// # Errors
/// Those of [`crate::image::UserImages::import`], and [`Error::Interrupted`]; then nothing is left of it.
pub async fn import_image(paths: &Paths, request: ImageImport, task: &Task) -> Result<(), Error> {
    let store = image_store(paths)?;
    let file = std::path::absolute(&request.file).unwrap_or_else(|_| request.file.clone());
    let new = NewImage {
        name: request.name.clone(),
        source: file.to_string_lossy().into_owned(),
        default_user: request.user,
        firmware: None,
        committed: false,
    };
    let progress = progress_of(task.observer(), &request.name);
    let work = async {
        Ok(store.user_images().import(&file, request.raw, new, request.replace, Some(progress)).await?)
    };
    let left_out = task.interrupt().race(work).await?;
    if !left_out.is_empty() {
        task.observer()
            .event(Event::Warning(Warning::DisksLeftOut { of: request.name.clone(), disks: left_out }));
    }
    Ok(())
}

/// The status of an imported or committed image, without asking libvirt. Its digest is computed if it is not yet known.
///
/// # Errors
/// [`ImageError::NotFound`](crate::manager::ImageError::NotFound), [`Error::Interrupted`].
pub async fn user_image(paths: &Paths, name: &str, task: &Task) -> Result<ImageStatus, Error> {
    task.interrupt().race(kept(&image_store(paths)?, name)).await
}

/// Reports transfers of the image to the observer.
pub(in crate::manager) fn progress_of(observer: &Arc<dyn Observer>, name: &str) -> Progress {
    let (observer, name) = (Arc::clone(observer), name.to_owned());
    Arc::new(move |transfer| {
        observer.event(Event::Transfer {
            image: &name,
            done_bytes: transfer.done_bytes,
            total_bytes: transfer.total_bytes,
        });
    })
}
