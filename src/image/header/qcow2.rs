//! The header of a qcow2 image, by QEMU's docs/interop/qcow2.rst.

use super::{Error, MAX_VIRTUAL_SIZE_BYTES, NamedFile};

pub(in crate::image) const MAGIC: &[u8] = b"QFI\xfb";

const V2_HEADER_BYTES: u32 = 72;
const V3_HEADER_BYTES: u32 = 104;

/// Incompatible-feature bits (offset 72).
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
/// Dirty (0: the refcounts are rebuilt when it is opened), compression type (3), extended L2 (4).
const HARMLESS: u64 = 1 | 1 << 3 | 1 << 4;

/// The disk's size in bytes, once all that could do harm has been ruled out.
pub(super) fn virtual_size(bytes: &[u8], file_size_bytes: u64) -> Result<u64, Error> {
    let version = u32_at(bytes, 4)?;
    let features = match version {
        2 => 0,
        3 => u64_at(bytes, 72)?,
        other => return Err(Error::Version(other)),
    };
    check_features(features)?;
    let (header_bytes, least) = match version {
        2 => (V2_HEADER_BYTES, V2_HEADER_BYTES),
        _ => (u32_at(bytes, 100)?, V3_HEADER_BYTES),
    };
    if header_bytes < least {
        return Err(Error::Damaged { what: "its length is too small" });
    }
    if file_size_bytes < u64::from(header_bytes) {
        return Err(Error::Truncated);
    }
    // The name's length is of no interest: an offset alone makes QEMU look for one.
    if u64_at(bytes, 8)? != 0 {
        return Err(Error::NamesFile(NamedFile::Backing));
    }
    if u32_at(bytes, 32)? != 0 {
        return Err(Error::Encrypted);
    }
    let size = u64_at(bytes, 24)?;
    if size == 0 || size > MAX_VIRTUAL_SIZE_BYTES {
        return Err(Error::VirtualSize { bytes: size });
    }
    check_tables(bytes, size, features, file_size_bytes)?;
    Ok(size)
}

fn check_features(features: u64) -> Result<(), Error> {
    if features & DATA_FILE != 0 {
        return Err(Error::NamesFile(NamedFile::Data));
    }
    if features & CORRUPT != 0 {
        return Err(Error::Corrupt);
    }
    match features & !(HARMLESS | DATA_FILE | CORRUPT) {
        0 => Ok(()),
        bits => Err(Error::UnknownFeatures { bits }),
    }
}

/// The tables that the header points at have to lie within the file, and the first level to be large
/// enough for the disk.
fn check_tables(bytes: &[u8], size: u64, features: u64, file_size_bytes: u64) -> Result<(), Error> {
    let damaged = |what| Err(Error::Damaged { what });
    let cluster_bits = u32_at(bytes, 20)?;
    if !(9..=21).contains(&cluster_bits) {
        return damaged("its cluster size is invalid");
    }
    let cluster_bytes = 1u64 << cluster_bits;
    let entry_bytes = if features & (1 << 4) != 0 { 16 } else { 8 };
    let bytes_per_l1_entry = cluster_bytes * (cluster_bytes / entry_bytes);
    let l1_entries = u64::from(u32_at(bytes, 36)?);
    if l1_entries < size.div_ceil(bytes_per_l1_entry) {
        return damaged("its first-level table is too small for the disk");
    }
    let l1_end = u64_at(bytes, 40)?.checked_add(l1_entries * 8);
    if l1_end.is_none_or(|end| end > file_size_bytes) {
        return damaged("its first-level table is past the end of the file");
    }
    let refcounts_bytes = u64::from(u32_at(bytes, 56)?) * cluster_bytes;
    let refcounts_end = u64_at(bytes, 48)?.checked_add(refcounts_bytes);
    if refcounts_end.is_none_or(|end| end > file_size_bytes) {
        return damaged("its refcount table is past the end of the file");
    }
    Ok(())
}

pub(in crate::image) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(chunk) => Ok(u32::from_be_bytes(*chunk)),
        None => Err(Error::Truncated),
    }
}

pub(in crate::image) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(chunk) => Ok(u64::from_be_bytes(*chunk)),
        None => Err(Error::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::header::{Format, Header, inspect};

    const GIB: u64 = 1 << 30;
    const FILE_BYTES: u64 = 196_624;

    /// The header of an empty disk of 1 GiB.
    fn header(version: u32) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[..4].copy_from_slice(MAGIC);
        put32(&mut bytes, 4, version);
        put32(&mut bytes, 20, 16);
        put64(&mut bytes, 24, GIB);
        put32(&mut bytes, 36, 2);
        put64(&mut bytes, 40, 0x30000);
        put64(&mut bytes, 48, 0x10000);
        put32(&mut bytes, 56, 1);
        put32(&mut bytes, 96, 4);
        put32(&mut bytes, 100, 112);
        bytes
    }

    fn put32(bytes: &mut [u8], at: usize, value: u32) {
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    fn put64(bytes: &mut [u8], at: usize, value: u64) {
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }

    fn size(bytes: &[u8]) -> Result<u64, Error> {
        virtual_size(bytes, FILE_BYTES)
    }

    #[test]
    fn both_versions_tell_the_size() {
        assert_eq!(size(&header(2)), Ok(GIB));
        assert_eq!(size(&header(3)), Ok(GIB));
    }

    #[test]
    fn what_qemu_img_made() {
        // tests/fixtures/image/README.md has the commands.
        for (bytes, file_bytes, expected) in [
            (&include_bytes!("../../../tests/fixtures/image/qcow2-v3.bin")[..], 196_624, Ok(GIB)),
            (include_bytes!("../../../tests/fixtures/image/qcow2-v2.bin"), 196_624, Ok(GIB)),
            (include_bytes!("../../../tests/fixtures/image/qcow2-zstd-extl2.bin"), 196_640, Ok(GIB)),
            (
                include_bytes!("../../../tests/fixtures/image/qcow2-backing.bin"),
                196_624,
                Err(Error::NamesFile(NamedFile::Backing)),
            ),
            (
                include_bytes!("../../../tests/fixtures/image/qcow2-data-file.bin"),
                196_624,
                Err(Error::NamesFile(NamedFile::Data)),
            ),
            (
                include_bytes!("../../../tests/fixtures/image/qcow2-luks.bin"),
                2_359_296,
                Err(Error::Encrypted),
            ),
        ] {
            let result = inspect(bytes, &[], file_bytes);
            let expected = expected.map(|bytes| Header { format: Format::Qcow2, virtual_size_bytes: bytes });
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn each_shape_of_harm_is_refused() {
        type Change = fn(&mut Vec<u8>);
        let unknown = |bits| Error::UnknownFeatures { bits };
        let damaged = |what| Error::Damaged { what };
        let cases: [(Change, Error); 16] = [
            (|b| put32(b, 4, 1), Error::Version(1)),
            (|b| put32(b, 4, 4), Error::Version(4)),
            (|b| put64(b, 8, 0x200), Error::NamesFile(NamedFile::Backing)),
            (|b| put32(b, 32, 2), Error::Encrypted),
            (|b| put64(b, 72, 1 << 1), Error::Corrupt),
            (|b| put64(b, 72, 1 << 2), Error::NamesFile(NamedFile::Data)),
            (|b| put64(b, 72, 1 << 5), unknown(1 << 5)),
            (|b| put64(b, 72, 1 << 63), unknown(1 << 63)),
            (|b| put64(b, 24, 0), Error::VirtualSize { bytes: 0 }),
            (|b| put64(b, 24, u64::MAX), Error::VirtualSize { bytes: u64::MAX }),
            (|b| b.truncate(71), Error::Truncated),
            (|b| b.truncate(103), Error::Truncated),
            (|b| put32(b, 100, 8), damaged("its length is too small")),
            (|b| put32(b, 20, 64), damaged("its cluster size is invalid")),
            (|b| put32(b, 36, 1), damaged("its first-level table is too small for the disk")),
            (|b| put64(b, 40, u64::MAX - 3), damaged("its first-level table is past the end of the file")),
        ];
        for (change, expected) in cases {
            let mut bytes = header(3);
            change(&mut bytes);
            assert_eq!(size(&bytes), Err(expected));
        }
        let mut bytes = header(3);
        put64(&mut bytes, 72, HARMLESS);
        put32(&mut bytes, 36, 4);
        assert_eq!(virtual_size(&bytes, FILE_BYTES + 16), Ok(GIB));
        assert_eq!(virtual_size(&header(3), 100), Err(Error::Truncated));
    }
}
