//! The file that `virsh save` writes: a running domain's memory and devices, with its definition in front.
//!
//! ```text
//! 0    magic[16]  "LibvirtQemudSave"; "LibvirtQemudPart" until the save has ended
//! 16   version, data_len, was_running, format, cookie_offset: u32 each, in the host's byte order; u32 unused[14]
//! 92   data_len bytes: the definition, NUL; libvirt's cookie, NUL, at cookie_offset; zeros
//! ..   QEMU's migration stream
//! ```
//!
//! (`src/qemu/qemu_saveimage.h` of libvirt's sources.) libvirt refuses to restore an image under another name or UUID when
//! it is given another definition, but takes the one that the image itself has; QEMU's stream has neither. So a
//! copy of an image with another definition in front is another domain, which continues where the first one was. The
//! length of the data stays, since the stream's pages may stand at absolute offsets behind it; libvirt leaves 64 KiB for
//! a definition that has grown.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::xml::{Element, XmlError};

/// The length of the header before the definition, in bytes.
const HEADER: usize = 92;
/// More than any definition and cookie take: a damaged header could ask for 4 GiB.
const DATA_LIMIT: usize = 16 << 20;
const MAGIC: &[u8; 16] = b"LibvirtQemudSave";
const MAGIC_PARTIAL: &[u8; 16] = b"LibvirtQemudPart";
const VERSION: u32 = 2;

/// Why a save image can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SaveImageError {
    /// It can't be read.
    #[error("it cannot be read")]
    Read(#[source] std::io::Error),
    /// It is something else.
    #[error("it is not a saved state of libvirt's")]
    NotOne,
    /// The save was cut off.
    #[error("it is incomplete")]
    Partial,
    /// It is of another version of libvirt, or of a host of the other byte order.
    #[error("it has version {found}, and only version {VERSION} is understood")]
    Version {
        /// The version that it says.
        found: u32,
    },
    /// The definition in it can't be read, or written.
    #[error("the definition in it cannot be used")]
    Definition(#[source] XmlError),
    /// The definition is longer than the space for it.
    #[error("the definition needs {needed} bytes, and only {available} are free")]
    TooLong {
        /// The bytes that it needs.
        needed: usize,
        /// The bytes that there are.
        available: usize,
    },
}

/// What stands before QEMU's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveImage {
    /// Whether the domain ran when it was saved; else it was paused.
    pub was_running: bool,
    /// How the stream is written: 0 is raw, 6 sparse, the others are compressed.
    pub format: u32,
    /// The domain's definition.
    pub domain: Element,
    cookie: Option<Vec<u8>>,
    data_length: usize,
}

impl SaveImage {
    /// Reads the front of an open image.
    ///
    /// # Errors
    /// Any of [`SaveImageError`].
    pub fn read(file: &File) -> Result<Self, SaveImageError> {
        let mut header = [0; HEADER];
        read_at(file, &mut header, 0)?;
        let length = data_length(&header)?;
        let mut data = vec![0; length];
        read_at(file, &mut data, HEADER as u64)?;
        Self::parse(&header, &data)
    }

    fn parse(header: &[u8; HEADER], data: &[u8]) -> Result<Self, SaveImageError> {
        let data_length = data_length(header)?;
        let cookie_offset = field(header, 4) as usize;
        let until_nul = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let cookie = match cookie_offset {
            0 => None,
            offset => Some(until_nul(data.get(offset..).ok_or(SaveImageError::NotOne)?)),
        };
        let document = String::from_utf8(until_nul(data)).map_err(|_| SaveImageError::NotOne)?;
        Ok(Self {
            was_running: field(header, 2) != 0,
            format: field(header, 3),
            domain: Element::parse(&document).map_err(SaveImageError::Definition)?,
            cookie,
            data_length,
        })
    }

    /// Writes another definition over the one that a copy of this image has.
    ///
    /// # Errors
    /// [`SaveImageError::TooLong`], [`SaveImageError::Definition`], or when the copy can't be written.
    pub fn write_to(&self, copy: &File, domain: &Element) -> Result<(), SaveImageError> {
        copy.write_all_at(&self.front(domain)?, 0).map_err(SaveImageError::Read)
    }

    /// All that stands before the stream, with this definition.
    fn front(&self, domain: &Element) -> Result<Vec<u8>, SaveImageError> {
        let mut data = domain.to_document().map_err(SaveImageError::Definition)?.into_bytes();
        data.push(0);
        let cookie_offset = if self.cookie.is_some() { data.len() } else { 0 };
        if let Some(cookie) = &self.cookie {
            data.extend_from_slice(cookie);
            data.push(0);
        }
        if data.len() > self.data_length {
            return Err(SaveImageError::TooLong { needed: data.len(), available: self.data_length });
        }
        data.resize(self.data_length, 0);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let fields = [VERSION, number(self.data_length), 1, self.format, number(cookie_offset)];
        let mut front = Vec::with_capacity(HEADER + data.len());
        front.extend_from_slice(MAGIC);
        front.extend(fields.iter().flat_map(|field| field.to_ne_bytes()));
        front.resize(HEADER, 0);
        front.extend_from_slice(&data);
        Ok(front)
    }
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> Result<(), SaveImageError> {
    file.read_exact_at(bytes, at).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => SaveImageError::NotOne,
        _ => SaveImageError::Read(error),
    })
}

/// The number of that index behind the magic.
fn field(header: &[u8; HEADER], index: usize) -> u32 {
    let at = MAGIC.len() + 4 * index;
    header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// The length of the definition and the cookie, of a header that is understood.
fn data_length(header: &[u8; HEADER]) -> Result<usize, SaveImageError> {
    if header.starts_with(MAGIC_PARTIAL) {
        return Err(SaveImageError::Partial);
    }
    if !header.starts_with(MAGIC) {
        return Err(SaveImageError::NotOne);
    }
    match field(header, 0) {
        VERSION => {}
        found => return Err(SaveImageError::Version { found }),
    }
    let length = field(header, 1) as usize;
    if length == 0 || length > DATA_LIMIT {
        return Err(SaveImageError::NotOne);
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
