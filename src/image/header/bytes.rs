//! Little-endian fields, which all formats but qcow2 have.

use super::Error;

pub(in crate::image) fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Error::Truncated)
}

pub(in crate::image) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(in crate::image) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(in crate::image) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    array(bytes, at).map(u64::from_le_bytes)
}
