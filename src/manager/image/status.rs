use crate::image::{Format, StoredImage, StoredImageKind};
use crate::model::{Firmware, Timestamp};

/// How an image is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// Imported or committed: the user's own, which can't be had again.
    Own,
    /// Downloaded into the cache.
    Download,
    /// A base in a storage pool, made of a file that vmtools doesn't keep.
    Base,
    /// A running VM's state, from which others are started.
    Warm,
}

/// What there is to know of a state from which VMs are started.
#[derive(Debug, Clone, serde::Serialize)]
pub struct WarmStatus {
    /// `ready`, `warming` while it is being made, or `unusable`: then the next use makes it anew.
    pub state: &'static str,
    /// The template of the VMs that are started from it.
    pub template: Option<String>,
    /// The memory that these VMs have.
    pub memory_mib: Option<u64>,
}

/// An image, with all that is known of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ImageStatus {
    /// The name of its own or of the catalogue, the URL, or the name of the file that it was.
    pub name: String,
    /// How it is kept.
    pub kind: ImageKind,
    /// The digest of its bytes; `None` when it isn't known.
    pub digest: Option<String>,
    /// Its form; `None` when it is damaged.
    pub format: Option<Format>,
    /// What it takes on the disk.
    pub size_bytes: u64,
    /// The size of the disk that a guest sees.
    pub virtual_size_bytes: Option<u64>,
    /// Where its bytes came from.
    pub source: String,
    /// The VMs, and files that belong to none, that need it; `None` when libvirt can't be asked.
    pub used_by: Option<Vec<String>>,
    /// When a VM was last made of it, or it came here.
    pub last_used: Option<Timestamp>,
    /// When it was imported or committed.
    pub created: Option<Timestamp>,
    /// The user that it has or that its cloud-init makes.
    pub default_user: Option<String>,
    /// The firmware that it needs, where it can't do with any.
    pub firmware: Option<Firmware>,
    /// Whether a digest vouched for it that was published or given, or it is the user's own.
    pub verified: bool,
    /// Whether it was a VM's disk.
    pub committed: bool,
    /// Its file; `None` for a base.
    pub path: Option<String>,
    /// The copies in storage pools that VMs' disks stand on.
    pub bases: Vec<String>,
    /// Of a warm state, more of it; `None` for any other image.
    pub warm: Option<WarmStatus>,
}

impl From<&StoredImage> for ImageStatus {
    fn from(stored: &StoredImage) -> Self {
        Self {
            name: stored.name.clone(),
            kind: match stored.kind {
                StoredImageKind::Own => ImageKind::Own,
                StoredImageKind::Download => ImageKind::Download,
            },
            digest: Some(stored.digest.to_string()),
            format: stored.format,
            size_bytes: stored.size_bytes,
            virtual_size_bytes: stored.virtual_size_bytes,
            source: stored.source.clone(),
            used_by: None,
            last_used: stored.last_used,
            created: stored.created,
            default_user: stored.default_user.clone(),
            firmware: stored.firmware,
            verified: stored.verified,
            committed: stored.committed,
            path: Some(stored.path.to_string_lossy().into_owned()),
            bases: Vec::new(),
            warm: None,
        }
    }
}
