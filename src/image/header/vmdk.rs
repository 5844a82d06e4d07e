//! The header of a VMware disk (VMDK) in one file, sparse or stream-optimized, by VMware's "Virtual Disk
//! Format 5.0" and QEMU's block/vmdk.c.

use super::bytes::{u32_at, u64_at};
use super::window::{Fault, Window};
use super::{Error, Foreign, NamedFile};

pub(in crate::image) const MAGIC: (usize, &[u8]) = (0, b"KDMV");
/// A descriptor that stands alone; the data are in other files.
pub(in crate::image) const DESCRIPTOR_MAGIC: &[u8] = b"# Disk DescriptorFile";

/// The files of a split disk have no descriptor of their own.
const PARTIAL_DISK: Error = Error::Foreign(Foreign::Other("only a part of a VMware disk (VMDK)"));
const SECTOR: u64 = 512;
const HEADER_BYTES: usize = 512;
/// Where QEMU looks for the parent, whatever the header says.
const DESCRIPTOR_AT: u64 = SECTOR;
/// As much of a descriptor as QEMU reads.
const DESCRIPTOR_BYTES: usize = 20 * 512;
/// The header's word for "my copy at the file's end counts".
const AT_END: u64 = u64::MAX;
const FOOTER_FROM_END: u64 = 2 * SECTOR;

/// The disk's size in bytes.
pub(in crate::image) fn virtual_size(window: &Window) -> Result<u64, Fault> {
    let mut header = window.read(0, HEADER_BYTES)?;
    let descriptor_sector = u64_at(&header, 28)?;
    check_capacity(&header)?;
    if u64_at(&header, 56)? == AT_END {
        let at = window.len.checked_sub(FOOTER_FROM_END).ok_or(Error::Truncated)?;
        header = window.read(at, HEADER_BYTES)?;
        if !header.starts_with(MAGIC.1) {
            return Err(Error::Damaged { what: "its footer is missing" }.into());
        }
        check_capacity(&header)?;
    }
    if u32_at(&header, 4)? > 3 {
        return Err(Error::Foreign(Foreign::Other("a VMware disk (VMDK) of an unknown version")).into());
    }
    if descriptor_sector == 0 {
        return Err(PARTIAL_DISK.into());
    }
    check_descriptor(&window.read(DESCRIPTOR_AT, DESCRIPTOR_BYTES)?)?;
    let at = descriptor_sector.checked_mul(SECTOR).ok_or(Error::Truncated)?;
    let descriptor = window.read(at, DESCRIPTOR_BYTES)?;
    check_descriptor(&descriptor)?;
    check_layout(&descriptor)?;
    u64_at(&header, 12)?.checked_mul(SECTOR).ok_or_else(|| Error::VirtualSize { bytes: u64::MAX }.into())
}

/// QEMU takes a header without a size for one whose descriptor names the files to open.
fn check_capacity(header: &[u8]) -> Result<(), Error> {
    if u64_at(header, 12)? == 0 { Err(Error::NamesFile(NamedFile::Extent)) } else { Ok(()) }
}

/// No word of a parent. QEMU looks for the word anywhere in these bytes, so that is done here.
fn check_descriptor(bytes: &[u8]) -> Result<(), Error> {
    let word = b"parentFileNameHint";
    if bytes.windows(word.len()).any(|part| part == word) {
        return Err(Error::NamesFile(NamedFile::Parent));
    }
    let text = text_of(bytes);
    let parent = text.lines().filter_map(|line| line.trim().strip_prefix("parentCID="));
    match parent.into_iter().find(|id| !id.trim().eq_ignore_ascii_case("ffffffff")) {
        Some(_) => Err(Error::NamesFile(NamedFile::Parent)),
        None => Ok(()),
    }
}

/// One extent, in this very file.
fn check_layout(descriptor: &[u8]) -> Result<(), Error> {
    let text = text_of(descriptor);
    let kind = text.lines().find_map(|line| line.trim().strip_prefix("createType="));
    let extents = text
        .lines()
        .filter(|line| ["RW ", "RDONLY ", "NOACCESS "].iter().any(|access| line.trim().starts_with(access)))
        .count();
    match kind.map(|kind| kind.trim().trim_matches('"')) {
        Some("monolithicSparse" | "streamOptimized") if extents == 1 => Ok(()),
        Some(_) => Err(Error::NamesFile(NamedFile::Extent)),
        None => Err(PARTIAL_DISK),
    }
}

fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
