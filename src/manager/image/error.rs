use crate::manager::Dependent;
use crate::manager::storage::join;

/// Why something was not done to an image on this host.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// There is no such image here.
    #[error("there is no image {name:?} on this host")]
    NotFound {
        /// The name or digest that was asked for.
        name: String,
        /// The name that looks most alike.
        nearest: Option<String>,
    },
    /// Several images have the name.
    #[error("{} images are named {name:?}", .digests.len())]
    Ambiguous {
        /// The name or digest that was asked for.
        name: String,
        /// Their digests.
        digests: Vec<String>,
    },
    /// Disks are based on the image.
    #[error("the image {image} is needed by {}", join(.needed_by))]
    InUse {
        /// The image.
        image: String,
        /// The VMs, and files that belong to none.
        needed_by: Vec<Dependent>,
    },
}
