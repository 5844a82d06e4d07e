//! The snapshots within a qcow2 image, by QEMU's docs/interop/qcow2.rst, "Snapshots". A QEMU that has it open may be
//! writing the table: what is read is as it was, or as it is to be, for QEMU writes a new one and then points the header at it.

use std::path::Path;

use super::open_quietly;
use crate::image::header::qcow2::{MAGIC, u32_at, u64_at};
use crate::image::header::window::Window;

/// As much of a header as names the table.
const HEADER_BYTES: usize = 72;
/// An entry's fixed part.
const ENTRY_BYTES: usize = 40;
/// The most that is read of a table. QEMU takes up to 64 MiB (`QCOW_MAX_SNAPSHOTS_SIZE`); a thousand snapshots have
/// 100 KiB.
const MOST_BYTES: usize = 4 << 20;

/// A snapshot within a qcow2 image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalSnapshot {
    /// Its name. Several may have the same; QEMU takes the first for it.
    pub name: String,
    /// How much of the guest's memory and devices it has, in bytes; 0 for one of a disk alone.
    pub vm_state_bytes: u64,
}

/// Where an image has its snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotTable {
    /// Where the table begins, in bytes.
    pub offset: u64,
    /// How many there are.
    pub count: u32,
}

impl SnapshotTable {
    /// How much of an image's beginning tells it, in bytes.
    pub const HEAD_BYTES: u64 = HEADER_BYTES as u64;

    /// Reads it from an image's first bytes; `None` when it is no qcow2 image, or has none.
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let count = u32_at(head, 60).ok().filter(|_| head.starts_with(MAGIC))?;
        (count > 0).then_some(Self { offset: u64_at(head, 64).ok()?, count })
    }

    /// The table's length at most, as far as it is read, in bytes.
    pub fn bytes_at_most(self) -> usize {
        // An id and a name have 64 KiB at most each. libvirt's names have 255 bytes.
        MOST_BYTES.min((self.count as usize).saturating_mul(1024))
    }

    /// The snapshots that these bytes have, from the table's beginning on: all, unless the bytes end before.
    pub fn entries(self, bytes: &[u8]) -> Vec<InternalSnapshot> {
        let mut found = Vec::new();
        let mut rest = bytes;
        while found.len() < self.count as usize {
            let Some((entry, length)) = entry(rest) else { break };
            found.push(entry);
            rest = rest.get(length..).unwrap_or_default();
        }
        found
    }
}

/// The snapshots in the image at `path`, in its own order. One of another format has none. Blocks.
///
/// # Errors
/// When it can't be read.
pub fn internal_snapshots(path: &Path) -> std::io::Result<Vec<InternalSnapshot>> {
    let window = Window::new(open_quietly(path)?, 0, u64::MAX);
    let head = window.read(0, HEADER_BYTES)?;
    let Some(table) = SnapshotTable::of_head(&head) else { return Ok(Vec::new()) };
    Ok(table.entries(&window.read(table.offset, table.bytes_at_most())?))
}

/// The first entry, and its length.
fn entry(bytes: &[u8]) -> Option<(InternalSnapshot, usize)> {
    let length_at =
        |at: usize| bytes.get(at..at + 2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1]));
    let (id_length, name_length) = (length_at(12)?, length_at(14)?);
    let extra_length = usize::try_from(u32_at(bytes, 36).ok()?).ok()?;
    let name_at = ENTRY_BYTES.checked_add(extra_length)?.checked_add(id_length)?;
    let name = bytes.get(name_at..name_at.checked_add(name_length)?)?;
    // The first field has 32 bits; since version 3 the whole is in the extra data.
    let whole = (extra_length >= 8).then(|| u64_at(bytes, ENTRY_BYTES).ok()).flatten();
    let vm_state_bytes = whole.unwrap_or(u64::from(u32_at(bytes, 32).ok()?));
    let name = String::from_utf8_lossy(name).into_owned();
    Some((InternalSnapshot { name, vm_state_bytes }, (name_at + name_length).next_multiple_of(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first 72 bytes and the table of what qemu-img 10.0.2 made; tests/fixtures/image/README.md has the commands.
    const HEAD: &[u8] = include_bytes!("../../../tests/fixtures/image/qcow2-snapshots-head.bin");
    const TABLE: &[u8] = include_bytes!("../../../tests/fixtures/image/qcow2-snapshots-table.bin");

    fn snapshots(bytes: &[u8]) -> Vec<(String, u64)> {
        let table = SnapshotTable::of_head(HEAD).expect("has some");
        table.entries(bytes).into_iter().map(|entry| (entry.name, entry.vm_state_bytes)).collect()
    }

    #[test]
    fn what_qemu_made() {
        let name = |text: &str| (text.to_owned(), 0);
        assert_eq!(
            snapshots(TABLE),
            [name("one"), name("a b"), name("\u{fc}\u{df}"), name(&"n".repeat(255))]
        );
    }

    #[test]
    fn a_memory_is_as_large_as_the_whole_field_says() {
        let mut table = TABLE.to_vec();
        table[32..36].copy_from_slice(&7u32.to_be_bytes());
        table[40..48].copy_from_slice(&(5u64 << 32).to_be_bytes());
        assert_eq!(snapshots(&table)[0].1, 5 << 32);
    }

    #[test]
    fn bytes_that_end_or_lie_give_what_they_have() {
        for end in 0..TABLE.len() {
            assert!(snapshots(&TABLE[..end]).len() <= 4, "{end}");
        }
        let mut hostile = TABLE.to_vec();
        hostile[36..40].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(snapshots(&hostile).is_empty());
        assert_eq!(SnapshotTable::of_head(&HEAD[..71]), None);
        assert_eq!(SnapshotTable::of_head(b"QFI\xfb"), None);
        assert_eq!(SnapshotTable::of_head(&[0; 72]), None);
    }

    #[test]
    fn other_files_have_none() {
        let file = tempfile::NamedTempFile::new().expect("makes");
        assert_eq!(internal_snapshots(file.path()).expect("reads"), []);
        assert!(internal_snapshots(Path::new("/nowhere")).is_err());
    }
}
