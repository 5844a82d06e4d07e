//! An empty qcow2 overlay, byte for byte as `qemu-img create -f qcow2 -o extended_l2=on -b FILE -F FORMAT` makes it, by QEMU's
//! docs/interop/qcow2.rst:
//!
//! ```text
//! cluster 0   the header, its extensions, the name of the file below
//! cluster 1   the refcount table, whose one entry leads to
//! cluster 2   the refcount block: each cluster in use counts once
//! cluster 3.. the first-level table, all zero: what is not in the overlay is below
//! ```

use std::fs::File;
use std::io::Error;
use std::os::unix::fs::FileExt;

use crate::image::header::QCOW2_MAGIC;

const CLUSTER_BITS: u32 = 16;
const CLUSTER_BYTES: u64 = 1 << CLUSTER_BITS;
const SECTOR_BYTES: u64 = 512;
/// What one entry of the first-level table is for.
const L1_REACH_BYTES: u64 = CLUSTER_BYTES * (CLUSTER_BYTES / L2_ENTRY_BYTES);
/// With a bitmap that says which of a cluster's 32 parts are in the overlay: only those are written, and nothing is copied
/// from below to fill a cluster.
const L2_ENTRY_BYTES: u64 = 16;
/// The bit of that feature, which is an incompatible one.
const EXTENDED_L2: u64 = 1 << 4;
const REFCOUNT_TABLE_AT: u64 = CLUSTER_BYTES;
const REFCOUNT_BLOCK_AT: u64 = 2 * CLUSTER_BYTES;
const L1_AT: u64 = 3 * CLUSTER_BYTES;
const HEADER_BYTES: u32 = 112;

const BACKING_FORMAT: u32 = 0xe279_2aca;
const FEATURE_NAMES: u32 = 0x6803_f857;
/// Kind, bit and name of the features that QEMU has words for since 5.2, for programs that know less.
const FEATURES: [(u8, u8, &str); 8] = [
    (0, 0, "dirty bit"),
    (0, 1, "corrupt bit"),
    (0, 2, "external data file"),
    (0, 3, "compression type"),
    (0, 4, "extended L2 entries"),
    (1, 0, "lazy refcounts"),
    (2, 0, "bitmaps"),
    (2, 1, "raw external data"),
];
const FEATURE_NAME_BYTES: usize = 46;

/// QEMU's bounds: QCOW_MAX_L1_SIZE, and 1023 for the name.
const MAX_L1_BYTES: u64 = 32 << 20;
const MAX_NAME_BYTES: usize = 1023;

/// An overlay to be written.
pub struct Overlay {
    header: Vec<u8>,
    clusters: usize,
    file_bytes: u64,
}

impl Overlay {
    /// Of a disk of this size on the file of this absolute path, which is of this format. `None` when QEMU would
    /// not take such a one, or take the path for something else.
    pub fn new(capacity_bytes: u64, below: &str, format: &str) -> Option<Self> {
        let capacity_bytes = capacity_bytes.checked_next_multiple_of(SECTOR_BYTES)?;
        let l1_entries = capacity_bytes.div_ceil(L1_REACH_BYTES);
        let l1_bytes = l1_entries * 8;
        let fits = (1..=MAX_L1_BYTES).contains(&l1_bytes) && below.len() <= MAX_NAME_BYTES;
        if !fits || !below.starts_with('/') {
            return None;
        }
        let extensions = extensions(format)?;
        let name_at = u64::from(HEADER_BYTES) + extensions.len() as u64;
        let mut header = QCOW2_MAGIC.to_vec();
        let mut put32 = |value: u32| header.extend(value.to_be_bytes());
        put32(3); // the version
        for half in halves(name_at) {
            put32(half);
        }
        put32(u32::try_from(below.len()).ok()?);
        put32(CLUSTER_BITS);
        for half in halves(capacity_bytes) {
            put32(half);
        }
        put32(0); // not encrypted
        put32(u32::try_from(l1_entries).ok()?);
        for half in [halves(L1_AT), halves(REFCOUNT_TABLE_AT)].concat() {
            put32(half);
        }
        put32(1); // the refcount table's clusters
        put32(0); // no snapshots, and so no table of them
        (0..2).for_each(|_| put32(0));
        for half in halves(EXTENDED_L2) {
            put32(half);
        }
        // No feature of the two other kinds.
        (0..2 * 2).for_each(|_| put32(0));
        put32(4); // a refcount has 1 << 4 bits
        put32(HEADER_BYTES);
        (0..2).for_each(|_| put32(0)); // zlib
        header.extend(extensions);
        header.extend(below.as_bytes());
        let clusters = usize::try_from(3 + l1_bytes.div_ceil(CLUSTER_BYTES)).ok()?;
        Some(Self { header, clusters, file_bytes: L1_AT + l1_bytes })
    }

    /// Writes it to a file that is empty. It is on the disk once the caller has synced it.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_to(&self, file: &File) -> Result<(), Error> {
        file.write_all_at(&self.header, 0)?;
        file.write_all_at(&REFCOUNT_BLOCK_AT.to_be_bytes(), REFCOUNT_TABLE_AT)?;
        file.write_all_at(&[0, 1].repeat(self.clusters), REFCOUNT_BLOCK_AT)?;
        file.set_len(self.file_bytes)
    }
}

fn halves(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

/// The header's extensions, each padded to eight bytes, with the end's mark.
fn extensions(format: &str) -> Option<Vec<u8>> {
    let mut names = Vec::new();
    for (kind, bit, name) in FEATURES {
        names.extend([kind, bit]);
        names.extend(name.as_bytes());
        names.resize(names.len() + FEATURE_NAME_BYTES - name.len(), 0);
    }
    let mut bytes = Vec::new();
    for (kind, content) in [(BACKING_FORMAT, format.as_bytes()), (FEATURE_NAMES, &names), (0, &[])] {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u32::try_from(content.len()).ok()?.to_be_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(overlay: &Overlay) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().expect("makes");
        overlay.write_to(file.as_file()).expect("writes");
        std::fs::read(file.path()).expect("reads")
    }

    #[test]
    fn it_is_what_qemu_img_made() {
        // tests/fixtures/image/README.md has the command.
        let recorded = include_bytes!("../../../tests/fixtures/image/qcow2-overlay.bin");
        let bytes = written(&Overlay::new(1 << 30, "/var/lib/base.qcow2", "qcow2").expect("possible"));
        assert_eq!(bytes.len(), 196_640);
        assert_eq!(bytes[..recorded.len()], recorded[..]);
        assert!(bytes[recorded.len()..0x10000].iter().all(|byte| *byte == 0));
        assert_eq!(
            (&bytes[0x10000..0x10008], &bytes[0x20000..0x2000a]),
            (&0x20000u64.to_be_bytes()[..], &[0, 1, 0, 1, 0, 1, 0, 1, 0, 0][..])
        );
        assert!(bytes[0x2000a..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_qemu_would_not_take_is_none() {
        assert!(Overlay::new(0, "/a", "raw").is_none());
        assert!(Overlay::new(u64::MAX, "/a", "raw").is_none());
        assert!(Overlay::new((1 << 50) + 1, "/a", "raw").is_none());
        assert!(Overlay::new(1 << 50, "/a", "raw").is_some());
        assert!(Overlay::new(1, "nbd://host/a", "raw").is_none());
        assert!(Overlay::new(1, &format!("/{}", "a".repeat(1023)), "raw").is_none());
    }

    #[test]
    fn an_odd_size_is_rounded_up_to_whole_sectors() {
        let bytes = written(&Overlay::new(513, "/a", "raw").expect("possible"));
        assert_eq!(bytes[24..32], 1024u64.to_be_bytes());
    }
}
