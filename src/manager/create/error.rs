use std::path::{Path, PathBuf};

use crate::model::{DiskSize, NetworkSpec};
use crate::seed;

/// Why a VM was not created, for what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Neither an image nor an ISO to install from was named.
    #[error("there is nothing to boot {name} from")]
    NothingToBoot {
        /// The VM.
        name: String,
    },
    /// The disk would be smaller than its image.
    #[error("a disk of {wanted} is too small for the image {image}, which needs {needed}")]
    DiskTooSmall {
        /// What was asked for.
        wanted: DiskSize,
        /// The image's size.
        needed: DiskSize,
        /// The image.
        image: String,
    },
    /// A document of the user's own is of no use.
    #[error("cannot use {}", document_name(.file))]
    Document {
        /// The file, as the user named it; `-` is standard input.
        file: PathBuf,
        /// Why.
        #[source]
        cause: seed::Error,
    },
    /// There is user-data for an image whose guests don't read any.
    #[error("the image {image} is set up by Ignition, which reads no cloud-init user-data")]
    NotCloudInit {
        /// The image.
        image: String,
    },
    /// Ports can be published only by user-mode networking.
    #[error("ports cannot be published on {}", .network.in_words())]
    CannotPublish {
        /// What the VM is attached to.
        network: NetworkSpec,
    },
    /// One port of the host would lead to two places.
    #[error("port {port} of 127.0.0.1 cannot be published twice")]
    PublishedTwice {
        /// The port.
        port: u16,
    },
    /// A port of the host is taken.
    #[error("port {port} of 127.0.0.1 is in use")]
    PortTaken {
        /// The port.
        port: u16,
    },
}

fn document_name(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}
