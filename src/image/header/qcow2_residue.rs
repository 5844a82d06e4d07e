//! What a qcow2 file holds beside its disk, by QEMU's docs/interop/qcow2.rst: internal snapshots, bitmaps, and clusters
//! that were freed and still hold what was in them. `qemu-img snapshot -d` leaves such clusters, and the file never
//! shrinks. A copy of the file as it is would carry all of that along.

use std::fs::File;

use super::qcow2::{u32_at, u64_at};
use super::window::Window;
use super::{Driver, Error, HEAD_BYTES};
use crate::image::file::next_data;

/// Bits 9 to 63 of an entry of the refcount table: where the block lies.
const OFFSET: u64 = !0x1ff;
/// QEMU's own limit (QCOW_MAX_REFTABLE_SIZE of block/qcow2.h).
const MAX_TABLE_BYTES: u64 = 8 << 20;
/// The header's extension with the list of bitmaps.
const BITMAPS: u32 = 0x2385_2875;
/// Refcounts have 16 bits, unless somebody asked qemu-img for others.
const USUAL_ORDER: u32 = 4;

/// Whether the file is a qcow2 that holds more than its disk shows. One that can't be followed counts as such. Blocks.
///
/// # Errors
/// When it can't be read.
pub fn has_residue(file: &File) -> std::io::Result<bool> {
    let size = file.metadata()?.len();
    let window = Window::new(file.try_clone()?, 0, size);
    let head = window.read(0, HEAD_BYTES)?;
    if Driver::probe(&head) != Driver::Qcow2 {
        return Ok(false);
    }
    match Layout::of_header(&head) {
        Ok(layout)
            if layout.snapshots == 0 && !layout.has_bitmaps && layout.refcount_order == USUAL_ORDER =>
        {
            layout.holds_freed(&window)
        }
        _ => Ok(true),
    }
}

/// What of the header tells what there is.
struct Layout {
    cluster_bits: u32,
    snapshots: u32,
    has_bitmaps: bool,
    refcount_order: u32,
    table_offset: u64,
    table_bytes: u64,
}

impl Layout {
    fn of_header(bytes: &[u8]) -> Result<Self, Error> {
        let is_v2 = u32_at(bytes, 4)? == 2;
        let cluster_bits = u32_at(bytes, 20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(Error::Damaged { what: "its cluster size is invalid" });
        }
        let extensions = if is_v2 { 72 } else { u32_at(bytes, 100)? };
        Ok(Self {
            cluster_bits,
            snapshots: u32_at(bytes, 60)?,
            has_bitmaps: has_extension(bytes, extensions, BITMAPS)?,
            refcount_order: if is_v2 { USUAL_ORDER } else { u32_at(bytes, 96)? },
            table_offset: u64_at(bytes, 48)?,
            table_bytes: (u64::from(u32_at(bytes, 56)?) << cluster_bits).min(MAX_TABLE_BYTES),
        })
    }

    /// Whether a cluster that nothing refers to is no hole.
    fn holds_freed(&self, window: &Window) -> std::io::Result<bool> {
        let read = |at, bytes| window.read(at, usize::try_from(bytes).unwrap_or(usize::MAX));
        let cluster_bytes = 1u64 << self.cluster_bits;
        let mut at = 0;
        let mut freed = Freed { window, since: None };
        for entry in read(self.table_offset, self.table_bytes)?.chunks_exact(8) {
            if at >= window.len {
                break;
            }
            let block = entry.first_chunk().copied().map_or(0, u64::from_be_bytes) & OFFSET;
            if block == 0 {
                freed.note(at, true)?;
                at += cluster_bytes * (cluster_bytes / 2);
                continue;
            }
            for refcount in read(block, cluster_bytes)?.chunks_exact(2) {
                if freed.note(at, *refcount == [0, 0])? {
                    return Ok(true);
                }
                at += cluster_bytes;
            }
        }
        Ok(freed.note(at, true)? || freed.note(window.len, false)?)
    }
}

/// A run of clusters that are free.
struct Freed<'a> {
    window: &'a Window,
    /// Where the run begins that goes on.
    since: Option<u64>,
}

impl Freed<'_> {
    /// What begins at `at` is free, or not. Gives whether the run that ends there holds data.
    fn note(&mut self, at: u64, is_free: bool) -> std::io::Result<bool> {
        if is_free {
            self.since.get_or_insert(at);
            return Ok(false);
        }
        let end = at.min(self.window.len);
        match self.since.take() {
            Some(since) => Ok(next_data(self.window.file(), since, end)?.is_some()),
            None => Ok(false),
        }
    }
}

fn has_extension(bytes: &[u8], from: u32, wanted: u32) -> Result<bool, Error> {
    let mut at = from as usize;
    loop {
        match u32_at(bytes, at)? {
            0 => return Ok(false),
            kind if kind == wanted => return Ok(true),
            _ => at += 8 + (u32_at(bytes, at + 4)? as usize).next_multiple_of(8),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    const CLUSTER: u64 = 1 << 16;

    /// A header, a refcount table, a block of refcounts, and a cluster of data, which are all in use.
    fn image() -> File {
        let file = tempfile::tempfile().expect("makes");
        let put = |at: u64, bytes: &[u8]| file.write_all_at(bytes, at).expect("writes");
        put(0, b"QFI\xfb");
        for (at, value) in [(4, 3u32), (20, 16), (56, 1), (96, 4), (100, 112)] {
            put(at, &value.to_be_bytes());
        }
        put(48, &CLUSTER.to_be_bytes());
        put(CLUSTER, &(2 * CLUSTER).to_be_bytes());
        put(2 * CLUSTER, &[0, 1].repeat(4));
        put(3 * CLUSTER, &[7; CLUSTER as usize]);
        file
    }

    #[test]
    fn only_what_the_disk_shows_is_none() {
        assert!(!has_residue(&image()).expect("reads"));
        let raw = tempfile::tempfile().expect("makes");
        raw.write_all_at(&[7; 1000], 0).expect("writes");
        assert!(!has_residue(&raw).expect("reads"));
        // What libvirt and vmtools make.
        let overlay = crate::image::Overlay::new(1 << 30, "/base", "qcow2").expect("possible");
        let file = tempfile::tempfile().expect("makes");
        overlay.write_to(&file).expect("writes");
        assert!(!has_residue(&file).expect("reads"));
    }

    #[test]
    fn snapshots_bitmaps_and_what_cannot_be_followed_are_some() {
        let bitmaps = [BITMAPS.to_be_bytes(), 24u32.to_be_bytes()].concat();
        let other = [0xe279_2acau32.to_be_bytes(), 5u32.to_be_bytes()].concat();
        for (at, bytes) in [
            (60, 1u32.to_be_bytes().to_vec()),
            (112, bitmaps.clone()),
            (112, [other.as_slice(), b"qcow2\0\0\0", &bitmaps].concat()),
            (96, 6u32.to_be_bytes().to_vec()),
            (20, 40u32.to_be_bytes().to_vec()),
            (100, u32::MAX.to_be_bytes().to_vec()),
        ] {
            let file = image();
            file.write_all_at(&bytes, at).expect("writes");
            assert!(has_residue(&file).expect("reads"), "{at}");
        }
    }

    #[test]
    fn a_free_cluster_is_some_unless_it_is_a_hole() {
        let file = image();
        file.write_all_at(&[0, 0], 2 * CLUSTER + 6).expect("writes");
        assert!(has_residue(&file).expect("reads"));
        let file = image();
        file.set_len(40 << 20).expect("grows");
        assert!(!has_residue(&file).expect("reads"));
        file.write_all_at(b"secret", 30 << 20).expect("writes");
        assert!(has_residue(&file).expect("reads"));
        // Behind all that the one block counts.
        let file = image();
        file.write_all_at(b"secret", (CLUSTER / 2) * CLUSTER + 100).expect("writes");
        assert!(has_residue(&file).expect("reads"));
    }
}
