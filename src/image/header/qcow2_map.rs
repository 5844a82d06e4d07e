//! Where a qcow2 image's data lie, by QEMU's docs/interop/qcow2.rst: a file that was cut off has a header
//! like any other, and a guest would meet the end of it as read errors.

use super::Error;
use super::qcow2::{u32_at, u64_at};
use super::window::{Fault, Window};

/// Bits 9 to 55 of an entry: where the cluster lies.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// QEMU's own limit (QCOW_MAX_L1_SIZE of block/qcow2.h).
const MAX_L1_BYTES: u64 = 32 << 20;
const COMPRESSED: u64 = 1 << 62;

/// What of the header tells how the tables are read; it has been looked over.
pub(super) struct Map {
    cluster_bits: u32,
    l1_entries: u32,
    l1_offset: u64,
    l2_entry_bytes: usize,
}

impl Map {
    /// Reads it from the beginning of the file.
    pub(super) fn of_header(bytes: &[u8]) -> Result<Self, Error> {
        // Version 2 has no feature bits; with extended L2 entries (bit 4) each has a bitmap behind it.
        let extended = u32_at(bytes, 4)? >= 3 && u64_at(bytes, 72)? & (1 << 4) != 0;
        Ok(Self {
            cluster_bits: u32_at(bytes, 20)?,
            l1_entries: u32_at(bytes, 36)?,
            l1_offset: u64_at(bytes, 40)?,
            l2_entry_bytes: if extended { 16 } else { 8 },
        })
    }

    /// Checks that all data begin within the file.
    pub(super) fn check(&self, window: &Window) -> Result<(), Fault> {
        let file_size_bytes = window.len;
        let damaged = |what| Err(Error::Damaged { what }.into());
        if u64::from(self.l1_entries) * 8 > MAX_L1_BYTES {
            return damaged("its first-level table is larger than QEMU supports");
        }
        let l1 = read(window, self.l1_offset, u64::from(self.l1_entries) * 8)?;
        let tables: Vec<u64> = entries(&l1, 8).map(|entry| entry & OFFSET).filter(|at| *at != 0).collect();
        // Each table is a cluster of its own, so they can't be more than the file holds.
        if (tables.len() as u64) << self.cluster_bits > file_size_bytes {
            return damaged("it has more second-level tables than the file can hold");
        }
        for table in tables {
            let cluster_bytes = 1u64 << self.cluster_bits;
            if table.checked_add(cluster_bytes).is_none_or(|end| end > file_size_bytes) {
                return damaged("a second-level table is past the end of the file: the file is truncated");
            }
            let l2 = read(window, table, cluster_bytes)?;
            if entries(&l2, self.l2_entry_bytes).any(|entry| self.data_offset(entry) >= file_size_bytes) {
                return damaged("its data is past the end of the file: the file is truncated");
            }
        }
        Ok(())
    }

    /// Where the data of an entry begin; 0 where there are none.
    fn data_offset(&self, entry: u64) -> u64 {
        if entry & COMPRESSED != 0 {
            entry & ((1 << (62 - (self.cluster_bits - 8))) - 1)
        } else {
            entry & OFFSET
        }
    }
}

fn read(window: &Window, at: u64, len: u64) -> Result<Vec<u8>, Fault> {
    let bytes = window.read(at, usize::try_from(len).unwrap_or(usize::MAX))?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(Error::Truncated.into()) }
}

/// The first word of each entry.
fn entries(table: &[u8], entry_bytes: usize) -> impl Iterator<Item = u64> {
    table.chunks_exact(entry_bytes).filter_map(|entry| entry.first_chunk().copied().map(u64::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: usize = 1 << 16;

    /// A header, an L1 table, an L2 table, and one cluster of data.
    fn image(entry: u64) -> Vec<u8> {
        let mut bytes = vec![0; 4 * CLUSTER];
        bytes[4..8].copy_from_slice(&3u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&16u32.to_be_bytes());
        bytes[36..40].copy_from_slice(&1u32.to_be_bytes());
        bytes[40..48].copy_from_slice(&(CLUSTER as u64).to_be_bytes());
        bytes[CLUSTER..CLUSTER + 8].copy_from_slice(&((1 << 63) | (2 * CLUSTER as u64)).to_be_bytes());
        bytes[2 * CLUSTER..2 * CLUSTER + 8].copy_from_slice(&entry.to_be_bytes());
        bytes
    }

    fn check(bytes: &[u8]) -> Result<(), Error> {
        let mut file = tempfile::tempfile().expect("temporary file");
        std::io::Write::write_all(&mut file, bytes).expect("writes");
        let map = Map::of_header(bytes).expect("a header");
        map.check(&Window::new(file, 0, bytes.len() as u64)).map_err(|fault| match fault {
            Fault::Header(error) => error,
            Fault::Read(error) => panic!("{error}"),
        })
    }

    #[test]
    fn a_file_that_was_cut_off_is_damaged() {
        let whole = image((1 << 63) | (3 * CLUSTER as u64));
        assert_eq!(check(&whole), Ok(()));
        assert!(matches!(check(&whole[..3 * CLUSTER]), Err(Error::Damaged { .. })));
        assert!(matches!(check(&whole[..2 * CLUSTER + 100]), Err(Error::Damaged { .. })));
        let compressed = image(COMPRESSED | (5 << 54) | (3 * CLUSTER as u64 + 17));
        assert_eq!(check(&compressed), Ok(()));
        assert!(matches!(check(&compressed[..3 * CLUSTER]), Err(Error::Damaged { .. })));
    }

    #[test]
    fn tables_that_are_one_many_times_are_damage() {
        let mut bytes = image(0);
        bytes[36..40].copy_from_slice(&100u32.to_be_bytes());
        for number in 0..100 {
            let at = CLUSTER + number * 8;
            bytes[at..at + 8].copy_from_slice(&(2 * CLUSTER as u64).to_be_bytes());
        }
        assert!(matches!(check(&bytes), Err(Error::Damaged { .. })));
    }
}
