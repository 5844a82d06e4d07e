use std::path::PathBuf;
use std::time::Duration;

use crate::model::{Digest, DiskSize, Invalid};
use crate::system::{fs, process};

use super::digest::checksum;
use super::import::OvaError;
use super::{Driver, FileKind, catalog, header};

/// Why an image could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be taken: a reference, a name, a user's name.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A file or directory could not be used.
    #[error(transparent)]
    File(#[from] fs::Error),
    /// There is no such file.
    #[error("there is no file {}", .path.display())]
    FileMissing {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// It is something else than a regular file.
    #[error("{} is {}, not a file", .path.display(), .kind.what())]
    NotAFile {
        /// What was asked for.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// It is a disk image, where an ISO image is needed.
    #[error("{} is a {} image, not an ISO image", .path.display(), .driver.name())]
    NotAnIso {
        /// What was asked for.
        path: PathBuf,
        /// What it is.
        driver: Driver,
    },
    /// A running QEMU, or a tool of QEMU's, may write to the file, so what is read of it may be torn.
    #[error("a running VM or another program has {} open for writing", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file was written to, replaced or removed while it was read.
    #[error("{} changed while it was being read", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The catalogue has no such entry.
    #[error("there is no image {name:?} in the catalogue")]
    UnknownImage {
        /// The name that was asked for.
        name: String,
        /// Names in the catalogue that look alike, the nearest first.
        nearest: Vec<String>,
    },
    /// The catalogue has the image for other architectures only.
    #[error("the image {name} is not published for {arch}, only for {}", .published.join(" and "))]
    NoBuild {
        /// The image.
        name: String,
        /// The architecture that was asked for, as QEMU names it.
        arch: String,
        /// Those that there are.
        published: Vec<String>,
    },
    /// The catalogue cannot be used.
    #[error("cannot use the catalogue{}", .path.as_ref().map(|p| format!(" {}", p.display())).unwrap_or_default())]
    Catalog {
        /// The user's file; `None` is the built-in one.
        path: Option<PathBuf>,
        /// What is wrong in it.
        #[source]
        source: Box<catalog::Error>,
    },
    /// The bytes are no disk image that is safe to use. Integrity.
    #[error("{name} cannot be used as a disk image")]
    Header {
        /// The file or URL.
        name: String,
        /// What was found in its header.
        #[source]
        source: header::Error,
    },
    /// It is a CD, which a VM can't have as its disk.
    #[error("{name} is an ISO 9660 CD image, not a disk image")]
    Iso {
        /// The file or URL.
        name: String,
    },
    /// It is an archive from which no disk can be taken. Integrity.
    #[error("{name} cannot be used as an OVA")]
    Ova {
        /// The file.
        name: String,
        /// What is wrong with it.
        #[source]
        source: OvaError,
    },
    /// qemu-img did not convert it.
    #[error("{name} cannot be converted")]
    Convert {
        /// The file.
        name: String,
        /// What qemu-img said.
        #[source]
        source: process::Error,
    },
    /// An image of the user's own has the name.
    #[error("the image {name} already exists")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The bytes are not those that were promised. Integrity.
    #[error("{name} has the wrong digest: expected {expected}, got {actual}")]
    DigestMismatch {
        /// The file or URL.
        name: String,
        /// What was published or asked for.
        expected: Digest,
        /// What the bytes have.
        actual: Digest,
    },
    /// The publisher's checksum document doesn't tell the image's digest. Integrity.
    #[error("cannot read the digest of {file} from {url}")]
    Checksum {
        /// The checksum document.
        url: String,
        /// The image's name in it.
        file: String,
        /// What is wrong with the document.
        #[source]
        source: checksum::Error,
    },
    /// No connection could be made: no route, no such host, refused, no TLS.
    #[error("cannot reach {url}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What was met.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server has no such document (404 or 410).
    #[error("{url} does not exist")]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// The server refused or failed.
    #[error("the server answered {status} to {url}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status, 400 to 599.
        status: u16,
    },
    /// The server redirects in circles.
    #[error("too many redirects from {url}")]
    Redirects {
        /// What was asked for.
        url: String,
    },
    /// The server stopped sending.
    #[error("received nothing from {url} for {} s", .after.as_secs_f32())]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long was waited for a byte.
        after: Duration,
    },
    /// The transfer broke off, or what came is not HTTP.
    #[error("the transfer of {url} failed")]
    Transfer {
        /// What was asked for.
        url: String,
        /// What was met.
        #[source]
        source: Box<ureq::Error>,
    },
    /// More bytes than can be right.
    #[error("{url} is larger than the limit of {}", DiskSize::from_bytes(*.limit_bytes))]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that is taken.
        limit_bytes: u64,
    },
    /// What came can't be unpacked. Integrity.
    #[error("cannot unpack {name}")]
    Unpack {
        /// The URL.
        name: String,
        /// What the unpacker said.
        #[source]
        source: std::io::Error,
    },
    /// A small file that becomes an enormous one. Integrity.
    #[error("{name} unpacks to more than the limit of {}", DiskSize::from_bytes(*.limit_bytes))]
    UnpackedTooLarge {
        /// The URL.
        name: String,
        /// The most that is taken.
        limit_bytes: u64,
    },
    /// Nothing tells whether the bytes will be the right ones.
    #[error(
        "no checksum is known for {url}{}",
        if *.is_plaintext { ", and plain http is not secure" } else { "" }
    )]
    Unvouched {
        /// The URL.
        url: String,
        /// Whether anybody on the way could change the bytes, too.
        is_plaintext: bool,
    },
    /// A file of this machine has nowhere to be fetched from.
    #[error("{} is already a file on this host", .path.display())]
    NothingToPull {
        /// The file.
        path: PathBuf,
    },
    /// Not enough space for the image.
    #[error("no space left in {} ({} free)", .folder.display(), DiskSize::from_bytes(*.available_bytes))]
    DiskFull {
        /// The directory that is full.
        folder: PathBuf,
        /// What the image needs, where that is known.
        needed_bytes: Option<u64>,
        /// What is free for this user.
        available_bytes: u64,
    },
    /// A thread ended early, which happens when the program ends.
    #[error("the operation was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl Error {
    /// Whether a file was not there.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::File(error) if error.source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether the bytes are damaged, hostile or not those that were promised.
    pub fn is_integrity(&self) -> bool {
        matches!(
            self,
            Self::Header { .. }
                | Self::Ova { .. }
                | Self::DigestMismatch { .. }
                | Self::Checksum { .. }
                | Self::Changed { .. }
                | Self::InUse { .. }
                | Self::Unpack { .. }
                | Self::UnpackedTooLarge { .. }
        )
    }

    /// Whether a download can't go on with the bytes that came, or had better not stay where it is.
    pub(super) fn invalidates_partial(&self) -> bool {
        self.is_integrity()
            || matches!(self, Self::Iso { .. } | Self::TooLarge { .. } | Self::DiskFull { .. })
    }

    /// Whether the same server may do better in a moment.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Stalled { .. } => true,
            // 408 Request Timeout, 425 Too Early, 429 Too Many Requests (RFC 9110, 8470, 6585).
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Unreachable { source, .. } | Self::Transfer { source, .. } => is_passing(source),
            _ => false,
        }
    }

    /// Whether the network is at fault, or the server, and not what was asked.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Stalled { .. } | Self::Transfer { .. } | Self::Status { .. }
        )
    }

    /// Whether another server may do better.
    pub(super) fn is_worth_another_server(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::NotFound { .. }
                | Self::Status { .. }
                | Self::Redirects { .. }
                | Self::Stalled { .. }
                | Self::Transfer { .. }
                | Self::Checksum { .. }
        )
    }
}

/// A host that isn't known, and a network that isn't there, won't be there in a moment either.
fn is_passing(error: &ureq::Error) -> bool {
    use std::io::ErrorKind as Kind;
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            Kind::ConnectionRefused
                | Kind::ConnectionReset
                | Kind::ConnectionAborted
                | Kind::BrokenPipe
                | Kind::TimedOut
                | Kind::UnexpectedEof
        ),
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}
