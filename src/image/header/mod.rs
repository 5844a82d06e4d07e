//! What an image is, told from its first bytes alone. No tool is asked: `qemu-img` opens what a header
//! names.

pub(in crate::image) mod bytes;
mod driver;
mod foreign;
pub(in crate::image) mod qcow2;
mod qcow2_map;
pub(in crate::image) mod vdi;
pub(in crate::image) mod vhdx;
pub(in crate::image) mod vmdk;
pub(in crate::image) mod window;

pub use driver::Driver;
pub(in crate::image) use qcow2::MAGIC as QCOW2_MAGIC;

use std::io::Read;
use std::path::Path;

use self::foreign::{convertible, foreign};
use self::qcow2_map::Map;
use crate::image::Error as ImageError;
use crate::system::fs;

/// How many bytes of a file [`inspect`] looks at: an ISO 9660 volume descriptor lies at 32 KiB.
pub const HEAD_BYTES: usize = 33 * 1024;
/// The largest disk that is taken, in bytes: 64 TiB. QEMU would take more, no host could fill it.
pub const MAX_VIRTUAL_SIZE_BYTES: u64 = 64 << 40;

/// The form of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// QEMU's own, version 2 or 3.
    Qcow2,
    /// The disk's bytes as they are.
    Raw,
    /// An ISO 9660 CD.
    Iso,
}

impl Format {
    /// The name as QEMU and libvirt know it; a CD is raw to them.
    pub fn driver(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw | Self::Iso => "raw",
        }
    }
}

/// What a header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The form.
    pub format: Format,
    /// The size of the disk that a guest sees, in bytes.
    pub virtual_size_bytes: u64,
}

/// Why bytes are not taken as an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("it is {what}")]
    Foreign {
        /// Such as "a gzip file, to be unpacked first".
        what: &'static str,
    },
    /// It ends within its header.
    #[error("it ends within its header")]
    Truncated,
    /// A version of qcow2 that is not 2 or 3.
    #[error("qcow2 version {0} is not known")]
    Version(u32),
    /// It would read another file of this host.
    #[error("it names a backing file, which could be any file of this host")]
    BackingFile,
    /// It would read another file of this host.
    #[error("it names an external data file, which could be any file of this host")]
    DataFile,
    /// It would read another file of this host.
    #[error("it stands on a parent disk, which could be any file of this host")]
    Parent,
    /// It would read another file of this host.
    #[error("its data lie in other files that it names, which could be any of this host")]
    OtherFiles,
    /// It is another program's disk, which an import takes.
    #[error("it is {what}, which has to be imported first")]
    Convertible {
        /// Such as "a VirtualBox disk (VDI)".
        what: &'static str,
    },
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// It is marked as damaged.
    #[error("it is marked as corrupt; `qemu-img check` tells more")]
    Corrupt,
    /// It needs what is not known here.
    #[error("it needs features that are not known (bits {bits:#x})")]
    UnknownFeatures {
        /// The incompatible-features bits that are not known.
        bits: u64,
    },
    /// A size that can't be right.
    #[error("a disk of {bytes} bytes is not taken")]
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
    #[error("it is no known format, and its {bytes} bytes are not whole sectors of 512")]
    NoSectors {
        /// The file's size.
        bytes: u64,
    },
}

/// Tells what the file is that has `file_size_bytes` and begins with `first_bytes` ([`HEAD_BYTES`] of
/// them, or the whole file).
///
/// # Errors
/// When it is no qcow2, raw or ISO image, is damaged, or would make a tool read other files.
pub fn inspect(first_bytes: &[u8], file_size_bytes: u64) -> Result<Header, Error> {
    if file_size_bytes == 0 || first_bytes.is_empty() {
        return Err(Error::Empty);
    }
    if first_bytes.starts_with(qcow2::MAGIC) {
        return Ok(Header {
            format: Format::Qcow2,
            virtual_size_bytes: qcow2::virtual_size(first_bytes, file_size_bytes)?,
        });
    }
    if let Some(what) = convertible(first_bytes) {
        return Err(Error::Convertible { what });
    }
    if let Some(what) = foreign(first_bytes) {
        return Err(Error::Foreign { what });
    }
    let format = if first_bytes.get(32769..32774) == Some(b"CD001") { Format::Iso } else { Format::Raw };
    if !file_size_bytes.is_multiple_of(512) {
        return Err(Error::NoSectors { bytes: file_size_bytes });
    }
    if file_size_bytes > MAX_VIRTUAL_SIZE_BYTES {
        return Err(Error::VirtualSize { bytes: file_size_bytes });
    }
    Ok(Header { format, virtual_size_bytes: file_size_bytes })
}

/// Reads and [`inspect`]s the head of the file at `path`; gives its size in bytes too. Blocks.
///
/// # Errors
/// [`ImageError::FileMissing`], [`ImageError::NotAFile`], [`ImageError::Header`], or when it can't be read.
pub fn read(path: &Path) -> Result<(Header, u64), ImageError> {
    // A pipe would block at open.
    let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ImageError::FileMissing { path: path.to_owned() },
        _ => fs::Error::at("read", path)(source).into(),
    })?;
    if !metadata.is_file() {
        return Err(ImageError::NotAFile { path: path.to_owned() });
    }
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let file = std::fs::File::open(path).map_err(fs::Error::at("read", path))?;
    (&file).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(fs::Error::at("read", path))?;
    let refuse = |source| ImageError::Header { name: path.display().to_string(), source };
    let header = inspect(&head, metadata.len()).map_err(refuse)?;
    if header.format == Format::Qcow2 {
        let map = Map::of_header(&head).map_err(refuse)?;
        map.check(&file, metadata.len()).map_err(fs::Error::at("read", path))?.map_err(refuse)?;
    }
    Ok((header, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sectors(start: &[u8]) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(bytes.len().next_multiple_of(512).max(1024), 0);
        bytes
    }

    #[test]
    fn raw_and_iso() {
        let raw = sectors(b"\xeb\x63");
        let header = inspect(&raw, 4096).expect("raw");
        assert_eq!((header.format, header.virtual_size_bytes), (Format::Raw, 4096));
        let mut iso = vec![0; HEAD_BYTES];
        iso[32769..32774].copy_from_slice(b"CD001");
        assert_eq!(inspect(&iso, 1 << 20).map(|h| h.format), Ok(Format::Iso));
    }

    #[test]
    fn what_is_no_image_is_named() {
        for (start, word) in [
            (&b"KDMV"[..], "VMDK"),
            (b"# Disk DescriptorFile\nversion=1", "VMDK"),
            (b"vhdxfile", "VHDX"),
            (b"conectix", "VHD"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\xfd7zXZ\0", "xz"),
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"BZh91AY", "bzip2"),
            (b"\n  <!doctype HTML>", "web page"),
            (b"\xef\xbb\xbf<HTML>", "web page"),
            (b"<?xml version='1.0'?><Error>", "XML"),
            (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        ] {
            let error = inspect(&sectors(start), 1024).expect_err("refused");
            assert!(error.to_string().contains(word), "{error} / {word}");
        }
        let mut vdi = sectors(b"<<< Oracle VM VirtualBox Disk Image >>>\n");
        vdi[64..68].copy_from_slice(b"\x7f\x10\xda\xbe");
        assert!(inspect(&vdi, 1024).expect_err("refused").to_string().contains("VDI"));
    }

    #[test]
    fn sizes_that_no_disk_has() {
        assert_eq!(inspect(&[], 0), Err(Error::Empty));
        assert_eq!(inspect(b"hello", 5), Err(Error::NoSectors { bytes: 5 }));
        let bytes = MAX_VIRTUAL_SIZE_BYTES + 512;
        assert_eq!(inspect(&[0; 512], bytes), Err(Error::VirtualSize { bytes }));
    }

    #[test]
    fn files_are_told_from_folders_and_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(matches!(read(folder.path()), Err(ImageError::NotAFile { .. })));
        assert!(matches!(read(&folder.path().join("no")), Err(ImageError::FileMissing { .. })));
    }
}
