//! The format and size of an image, read from its first bytes alone. No tool is asked: `qemu-img` opens what a header
//! names.

pub(in crate::image) mod bytes;
mod driver;
mod error;
mod foreign;
pub(in crate::image) mod qcow2;
mod qcow2_map;
mod qcow2_residue;
pub(in crate::image) mod vdi;
pub(in crate::image) mod vhdx;
pub(in crate::image) mod vmdk;
pub(in crate::image) mod window;

pub use driver::Driver;
pub use error::{Error, NamedFile};
pub use foreign::Foreign;
pub(in crate::image) use qcow2::MAGIC as QCOW2_MAGIC;
pub use qcow2_residue::has_residue;

use std::path::Path;

use self::qcow2_map::Map;
use self::window::{Fault, Window};
use crate::image::Error as ImageError;
use crate::image::file::open_regular;
use crate::system::fs;

/// How many bytes of a file [`inspect`] looks at: an ISO 9660 volume descriptor lies at 32 KiB.
pub const HEAD_BYTES: usize = 33 * 1024;
/// How many bytes of a file's end [`inspect`] looks at.
pub const TAIL_BYTES: usize = 512;
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

/// Tells what the file is that has `file_size_bytes`, begins with `head` ([`HEAD_BYTES`] of it, or the whole
/// file) and ends with `tail` ([`TAIL_BYTES`] of it, or the whole file).
///
/// # Errors
/// When it is no qcow2, raw or ISO image, is damaged, or would make a tool read other files.
pub fn inspect(head: &[u8], tail: &[u8], file_size_bytes: u64) -> Result<Header, Error> {
    if file_size_bytes == 0 || head.is_empty() {
        return Err(Error::Empty);
    }
    match Driver::probe(head) {
        Driver::Qcow2 => {
            let virtual_size_bytes = qcow2::virtual_size(head, file_size_bytes)?;
            return Ok(Header { format: Format::Qcow2, virtual_size_bytes });
        }
        Driver::Luks => return Err(Error::Encrypted),
        _ => {}
    }
    let format = if is_cd(head) { Format::Iso } else { Format::Raw };
    // A CD may begin with anything, so that it boots from a disk, too.
    if format == Format::Raw
        && let Some(foreign) = Foreign::of(head, tail)
    {
        return Err(Error::Foreign(foreign));
    }
    if !file_size_bytes.is_multiple_of(512) {
        return Err(Error::NoSectors { bytes: file_size_bytes });
    }
    if file_size_bytes > MAX_VIRTUAL_SIZE_BYTES {
        return Err(Error::VirtualSize { bytes: file_size_bytes });
    }
    Ok(Header { format, virtual_size_bytes: file_size_bytes })
}

/// Whether there is a volume descriptor of ISO 9660, or of UDF alone (ECMA-167, 2/9.1.2).
fn is_cd(head: &[u8]) -> bool {
    let id = head.get(32769..32774);
    id == Some(b"CD001") || id == Some(b"BEA01")
}

/// Reads and [`inspect`]s the file at `path`; gives its size in bytes too. Blocks.
///
/// # Errors
/// [`ImageError::FileMissing`], [`ImageError::NotAFile`], [`ImageError::Header`], or when it can't be read.
pub fn read(path: &Path) -> Result<(Header, u64), ImageError> {
    let (file, file_size_bytes) = open_regular(path)?;
    let refuse = |source| ImageError::Header { name: path.display().to_string(), source };
    let window = Window::new(file, 0, file_size_bytes);
    let header = inspect_window(&window).map_err(|fault| match fault {
        Fault::Read(source) => fs::Error::at("read", path)(source).into(),
        Fault::Header(source) => refuse(source),
    })?;
    Ok((header, file_size_bytes))
}

/// The same of a disk that holds data and need not boot: one that is a file system is raw.
///
/// # Errors
/// Those of [`read`].
pub fn read_data_disk(path: &Path) -> Result<(Header, u64), ImageError> {
    match read(path) {
        Err(ImageError::Header { source: Error::Foreign(Foreign::FileSystem(_)), .. }) => {
            let (_, file_size_bytes) = open_regular(path)?;
            Ok((Header { format: Format::Raw, virtual_size_bytes: file_size_bytes }, file_size_bytes))
        }
        other => other,
    }
}

/// [`inspect`]s what a window shows, and the tables of a qcow2.
pub(in crate::image) fn inspect_window(window: &Window) -> Result<Header, Fault> {
    let head = window.read(0, HEAD_BYTES)?;
    let tail = window.read(window.len.saturating_sub(TAIL_BYTES as u64), TAIL_BYTES)?;
    let header = inspect(&head, &tail, window.len)?;
    if header.format == Format::Qcow2 {
        Map::of_header(&head)?.check(window)?;
    }
    Ok(header)
}

#[cfg(test)]
mod tests;
