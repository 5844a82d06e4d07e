//! The headers of a Hyper-V disk (VHDX), by Microsoft's MS-VHDX.

use super::bytes::{array, u16_at, u32_at, u64_at};
use super::window::{Fault, Window};
use super::{Error, NamedFile};

pub(in crate::image) const MAGIC: (usize, &[u8]) = (0, b"vhdxfile");

/// The first region table (2.2); QEMU reads no other.
const REGIONS_AT: u64 = 192 << 10;
const TABLE_BYTES: usize = 64 << 10;
const ENTRY_BYTES: usize = 32;
/// The most entries that a table may have (2.2.3.1, 2.6.1.1).
const MAX_ENTRIES: usize = 2047;

// GUIDs in the order of their bytes in the file (2.2.3.2, 2.6.2).
const METADATA_REGION: [u8; 16] = guid(0x8B7C_A206, 0x4790, 0x4B9A, 0xB8FE_575F_050F_886E);
const FILE_PARAMETERS: [u8; 16] = guid(0xCAA1_6737, 0xFA36, 0x4D43, 0xB3B6_33F0_AA44_E76B);
const VIRTUAL_SIZE: [u8; 16] = guid(0x2FA5_4224, 0xCD1B, 0x4876, 0xB211_5DBE_D83B_F4B8);
const PARENT_LOCATOR: [u8; 16] = guid(0xA8D3_5F2D, 0xB30B, 0x454D, 0xABF7_D3D8_4834_AB0C);

const HAS_PARENT: u32 = 1 << 1;
const NO_SIZE: Error = Error::Damaged { what: "its metadata lacks the disk size" };

/// The disk's size in bytes.
pub(in crate::image) fn virtual_size(window: &Window) -> Result<u64, Fault> {
    let metadata = Metadata::read(window)?;
    let Some(size) = metadata.item(VIRTUAL_SIZE)? else { return Err(NO_SIZE.into()) };
    if metadata.has_parent(window)? {
        return Err(Error::NamesFile(NamedFile::Parent).into());
    }
    Ok(u64_at(&window.read(size, 8)?, 0)?)
}

/// Whether it stands on a parent.
pub(in crate::image) fn has_parent(window: &Window) -> Result<bool, Fault> {
    Metadata::read(window)?.has_parent(window)
}

/// The metadata region's table.
struct Metadata {
    /// Where the region begins in the file.
    at: u64,
    table: Vec<u8>,
}

impl Metadata {
    fn read(window: &Window) -> Result<Self, Fault> {
        let regions = window.read(REGIONS_AT, TABLE_BYTES)?;
        if !regions.starts_with(b"regi") {
            return Err(Error::Damaged { what: "it has no region table" }.into());
        }
        let Some(region) = find(&regions, 16, u32_at(&regions, 8)? as usize, METADATA_REGION)? else {
            return Err(Error::Damaged { what: "it has no metadata" }.into());
        };
        let at = u64_at(region, 16)?;
        let table = window.read(at, TABLE_BYTES)?;
        if !table.starts_with(b"metadata") {
            return Err(Error::Damaged { what: "it has no metadata" }.into());
        }
        Ok(Self { at, table })
    }

    /// Where the item lies in the file.
    fn item(&self, id: [u8; 16]) -> Result<Option<u64>, Error> {
        let count = usize::from(u16_at(&self.table, 10)?);
        let entry = find(&self.table, 32, count, id)?;
        Ok(entry
            .map(|entry| u32_at(entry, 16))
            .transpose()?
            .map(|offset| self.at.saturating_add(u64::from(offset))))
    }

    fn has_parent(&self, window: &Window) -> Result<bool, Fault> {
        let Some(parameters) = self.item(FILE_PARAMETERS)? else { return Err(NO_SIZE.into()) };
        let flags = u32_at(&window.read(parameters, 8)?, 4)?;
        Ok(flags & HAS_PARENT != 0 || self.item(PARENT_LOCATOR)?.is_some())
    }
}

/// The entry of a table that begins with this GUID.
fn find(table: &[u8], first: usize, count: usize, id: [u8; 16]) -> Result<Option<&[u8]>, Error> {
    if count > MAX_ENTRIES {
        return Err(Error::Damaged { what: "a table has too many entries" });
    }
    for entry in table.get(first..).unwrap_or_default().chunks_exact(ENTRY_BYTES).take(count) {
        if array::<16>(entry, 0)? == id {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// A GUID as Microsoft writes it into files: the first three parts little-endian.
const fn guid(a: u32, b: u16, c: u16, d: u64) -> [u8; 16] {
    let (a, b, c, d) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_be_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}
