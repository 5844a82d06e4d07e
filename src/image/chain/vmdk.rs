//! The files that a VMDK's descriptor names, by VMware's "Virtual Disk Format 5.0" and QEMU's block/vmdk.c.

use super::names::{Backing, Names};
use crate::image::header::bytes::u64_at;
use crate::image::header::vmdk::{DESCRIPTOR_MAGIC, MAGIC};
use crate::image::header::window::{Fault, Window};
use crate::image::header::{Driver, Error};

const SECTOR: u64 = 512;
/// As much of a descriptor as QEMU reads.
const DESCRIPTOR_BYTES: usize = 20 * 512;
/// The identifier that stands for no parent.
const NO_PARENT: &str = "ffffffff";
/// ESX' form of before, a piece of a disk without a descriptor.
const COWD: &[u8] = b"COWD";

pub(super) fn names(window: &Window) -> Result<Names, Fault> {
    let head = window.read(0, DESCRIPTOR_BYTES)?;
    let (text, is_alone) = if head.starts_with(DESCRIPTOR_MAGIC) {
        (head, true)
    } else if head.starts_with(MAGIC.1) {
        let at = u64_at(&head, 28)?.checked_mul(SECTOR).ok_or(Error::Truncated)?;
        // One without is a piece of a disk, and stands on nothing by itself.
        let text = if at == 0 { Vec::new() } else { window.read(at, DESCRIPTOR_BYTES)? };
        (text, false)
    } else if head.starts_with(COWD) {
        (Vec::new(), false)
    } else {
        return Err(Error::Damaged { what: "it does not start as its format requires" }.into());
    };
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let lines: Vec<&[u8]> = text[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    // A descriptor within the disk names just that disk, by a name that it may no longer have.
    let data_files =
        if is_alone { lines.iter().filter_map(|line| extent(line)).map(Some).collect() } else { Vec::new() };
    Ok(Names { backing: parent(&lines), data_files, encryption: None })
}

fn parent(lines: &[&[u8]]) -> Backing {
    let value = |key: &[u8]| lines.iter().find_map(|line| line.strip_prefix(key));
    let id = value(b"parentCID=").map(String::from_utf8_lossy);
    if id.is_none_or(|id| id.trim().eq_ignore_ascii_case(NO_PARENT)) {
        return Backing::None;
    }
    match value(b"parentFileNameHint=").and_then(quoted) {
        Some(name) if !name.is_empty() => Backing::Named { name: name.to_vec(), driver: Some(Driver::Vmdk) },
        _ => Backing::Unnamed,
    }
}

/// The file's name in `RW 4192256 SPARSE "disk-s001.vmdk"`.
fn extent(line: &[u8]) -> Option<Vec<u8>> {
    let is_extent = [&b"RW "[..], b"RDONLY ", b"NOACCESS "].iter().any(|access| line.starts_with(access));
    let at = line.iter().position(|byte| *byte == b'"')?;
    let name = quoted(&line[at..])?;
    (is_extent && !name.is_empty()).then(|| name.to_vec())
}

fn quoted(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    Some(&rest[..end])
}
