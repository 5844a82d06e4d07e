use super::Foreign;

/// Why bytes are not taken as an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("it is {}", .0.what())]
    Foreign(Foreign),
    /// It ends within its header.
    #[error("it ends before its header does")]
    Truncated,
    /// A version of qcow2 that is not 2 or 3.
    #[error("qcow2 version {0} is not supported")]
    Version(u32),
    /// It would make QEMU read another file, which could be any of this host.
    #[error("{}, which could be any file on this host", .0.what())]
    NamesFile(NamedFile),
    /// What its guest sees is encrypted in it, by LUKS or by QEMU's old AES.
    #[error("it is encrypted")]
    Encrypted,
    /// It is marked as damaged.
    #[error("it is marked as corrupt")]
    Corrupt,
    /// It needs what is not known here.
    #[error("it needs unknown features (bits {bits:#x})")]
    UnknownFeatures {
        /// The incompatible-features bits that are not known.
        bits: u64,
    },
    /// A size that can't be right.
    #[error("a disk of {bytes} bytes is not supported")]
    VirtualSize {
        /// What the header says.
        bytes: u64,
    },
    /// A field that can't be right.
    #[error("its header is damaged: {what}")]
    Damaged {
        /// The field and what is wrong.
        what: &'static str,
    },
    /// A raw image has whole sectors.
    #[error("its format is unknown, and its {bytes} bytes are not a multiple of 512")]
    NoSectors {
        /// The file's size.
        bytes: u64,
    },
}

/// How an image names another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedFile {
    /// As what it stands on.
    Backing,
    /// As where a qcow2's data lie.
    Data,
    /// As its parent, in the way of other programs' disks.
    Parent,
    /// As one of those that hold a VMDK's data.
    Extent,
}

impl NamedFile {
    fn what(self) -> &'static str {
        match self {
            Self::Backing => "it names a backing file",
            Self::Data => "it names an external data file",
            Self::Parent => "it has a parent disk",
            Self::Extent => "its data is in other files that it names",
        }
    }
}
