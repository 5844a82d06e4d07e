//! The header of a VirtualBox disk (VDI), by VirtualBox's VDICore.h and QEMU's block/vdi.c.

use super::bytes::{array, u32_at, u64_at};
use super::{Error, Foreign, NamedFile};

pub(in crate::image) const MAGIC: (usize, &[u8]) = (64, b"\x7f\x10\xda\xbe");

const VERSION_1_1: u32 = 0x0001_0001;
const DYNAMIC: u32 = 1;
const FIXED: u32 = 2;

/// Whether it is an undo or differencing image, which stands on a parent that it names by UUIDs.
pub(in crate::image) fn has_parent(head: &[u8]) -> Result<bool, Error> {
    let [link, parent]: [[u8; 16]; 2] = [array(head, 424)?, array(head, 440)?];
    Ok(!matches!(u32_at(head, 76)?, DYNAMIC | FIXED) || link != [0; 16] || parent != [0; 16])
}

/// The disk's size in bytes. `head` is the file's beginning.
pub(in crate::image) fn virtual_size(head: &[u8], file_bytes: u64) -> Result<u64, Error> {
    let damaged = |what| Err(Error::Damaged { what });
    if u32_at(head, 68)? != VERSION_1_1 {
        return Err(Error::Foreign(Foreign::Other("a VirtualBox disk (VDI) of an unknown version")));
    }
    if has_parent(head)? {
        return Err(Error::NamesFile(NamedFile::Parent));
    }
    let (size, block_bytes, blocks) = (u64_at(head, 368)?, u32_at(head, 376)?, u32_at(head, 384)?);
    if u32_at(head, 360)? != 512 {
        return damaged("its sectors are not 512 bytes");
    }
    if u64::from(block_bytes) * u64::from(blocks) < size {
        return damaged("its block map is too small for the disk");
    }
    if u64::from(u32_at(head, 340)?) + u64::from(blocks) * 4 > file_bytes {
        return damaged("its block map is past the end of the file");
    }
    Ok(size)
}
