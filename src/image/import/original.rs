use std::path::Path;

use super::ova;
use crate::image::file::SourceFile;
use crate::image::header::window::{Fault, Window};
use crate::image::header::{self, HEAD_BYTES, MAX_VIRTUAL_SIZE_BYTES, NamedFile, vdi, vhdx, vmdk};
use crate::image::{Error, Format};
use crate::system::fs;

/// The form of a file that can become an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::image) enum OriginalFormat {
    Qcow2,
    Raw,
    Vmdk,
    Vdi,
    Vhdx,
}

impl OriginalFormat {
    /// QEMU's name for it.
    pub(in crate::image) fn driver(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vhdx => "vhdx",
        }
    }
}

/// A file that has been looked at, and is held open so that no other can take its place.
#[derive(Debug)]
pub(in crate::image) struct Original {
    pub(in crate::image) format: OriginalFormat,
    /// The size of the disk that a guest sees, in bytes.
    pub(in crate::image) virtual_size_bytes: u64,
    pub(in crate::image) window: Window,
    /// The disks of an archive that are not taken.
    pub(in crate::image) left_out: Vec<String>,
    source: SourceFile,
}

impl Original {
    /// Opens and judges the file. With `raw` its bytes are the disk's, whatever they look like. Blocks.
    ///
    /// # Errors
    /// [`Error::FileMissing`], [`Error::NotAFile`], [`Error::InUse`], [`Error::Header`], [`Error::Iso`],
    /// [`Error::Ova`], or when it can't be read.
    pub(in crate::image) fn open(path: &Path, raw: bool) -> Result<Self, Error> {
        let failed = |error| fs::Error::at("read", path)(error);
        let source = SourceFile::open(path)?;
        let file = source.file().try_clone().map_err(failed)?;
        let (window, left_out) = match ova::find_disk(&file, raw) {
            Ok(None) => (Window::new(file, 0, source.size_bytes()), Vec::new()),
            Ok(Some(disk)) => (Window::new(file, disk.start, disk.len), disk.left_out),
            Err(source) => return Err(Error::Ova { name: path.display().to_string(), source }),
        };
        let detected = if raw { detect_raw(&window) } else { detect_format(&window) };
        let (format, virtual_size_bytes) = detected.map_err(|fault| match fault {
            Fault::Read(error) => failed(error).into(),
            Fault::Header(source) => Error::Header { name: path.display().to_string(), source },
        })?;
        let Some(format) = format else {
            return Err(Error::Iso { name: path.display().to_string() });
        };
        Ok(Self { format, virtual_size_bytes, window, left_out, source })
    }

    /// That what was read of it is of one piece.
    ///
    /// # Errors
    /// [`Error::Changed`], [`Error::InUse`].
    pub(in crate::image) fn check_unchanged(&self) -> Result<(), Error> {
        self.source.check_unchanged()
    }

    /// Whether the file as a whole is the image, of the form that images are kept in.
    pub(in crate::image) fn is_kept_as_it_is(&self) -> bool {
        self.format == OriginalFormat::Qcow2 && self.window.start == 0
    }

    /// That it can't be read while another has it open.
    pub(super) fn in_use(&self) -> Error {
        self.source.in_use()
    }
}

/// The format and the disk's size; no format for a CD.
fn detect_format(window: &Window) -> Result<(Option<OriginalFormat>, u64), Fault> {
    let head = window.read(0, HEAD_BYTES)?;
    let is = |(at, magic): (usize, &[u8])| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let (format, size) = if is(vmdk::MAGIC) {
        (Some(OriginalFormat::Vmdk), vmdk::virtual_size(window)?)
    } else if is(vhdx::MAGIC) {
        (Some(OriginalFormat::Vhdx), vhdx::virtual_size(window)?)
    } else if is(vdi::MAGIC) {
        (Some(OriginalFormat::Vdi), vdi::virtual_size(&head, window.len)?)
    } else if head.starts_with(vmdk::DESCRIPTOR_MAGIC) {
        return Err(header::Error::NamesFile(NamedFile::Extent).into());
    } else {
        let header = header::inspect_window(window)?;
        let format = match header.format {
            Format::Qcow2 => Some(OriginalFormat::Qcow2),
            Format::Raw => Some(OriginalFormat::Raw),
            Format::Iso => None,
        };
        (format, header.virtual_size_bytes)
    };
    check_size(size)?;
    Ok((format, size))
}

fn detect_raw(window: &Window) -> Result<(Option<OriginalFormat>, u64), Fault> {
    if !window.len.is_multiple_of(512) {
        return Err(header::Error::NoSectors { bytes: window.len }.into());
    }
    check_size(window.len)?;
    Ok((Some(OriginalFormat::Raw), window.len))
}

fn check_size(bytes: u64) -> Result<(), header::Error> {
    if bytes == 0 || bytes > MAX_VIRTUAL_SIZE_BYTES {
        return Err(header::Error::VirtualSize { bytes });
    }
    Ok(())
}
