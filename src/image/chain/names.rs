//! What the headers of each form name, by QEMU's docs/interop and block/*.c.

use super::Encryption;
use super::vmdk;
use crate::image::header::bytes::{u32_at as le32, u64_at as le64};
use crate::image::header::qcow2::{MAGIC, u32_at as be32, u64_at as be64};
use crate::image::header::window::{Fault, Window};
use crate::image::header::{Driver, Error, vdi, vhdx};

/// The longest name of a backing file that QEMU takes, in bytes.
const MAX_NAME_BYTES: u32 = 1023;
/// Enough for a header, its extensions and the usual name. What lies behind is read when it is asked for.
const HEAD_BYTES: usize = 4096;
/// More extensions than QEMU has kinds of, many times.
const MAX_EXTENSIONS: usize = 64;

/// The files that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) backing: Backing,
    /// `None` is one that the header wants without naming it.
    pub(super) data_files: Vec<Option<Vec<u8>>>,
    pub(super) encryption: Option<Encryption>,
}

/// What a file stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Backing {
    None,
    Named {
        name: Vec<u8>,
        driver: Option<Driver>,
    },
    /// A parent that is given by an identifier, or in a form that QEMU does not read.
    Unnamed,
}

/// Whether a header of this form can name other files.
pub(super) fn names_files(driver: Driver) -> bool {
    use Driver as D;
    match driver {
        D::Qcow2 | D::Qcow | D::Qed | D::Vmdk | D::Vdi | D::Vhdx | D::Vpc => true,
        D::Raw | D::Luks | D::Parallels | D::Bochs | D::Cloop | D::Dmg => false,
    }
}

impl Names {
    fn nothing() -> Self {
        Self { backing: Backing::None, data_files: Vec::new(), encryption: None }
    }

    fn on(backing: Backing) -> Self {
        Self { backing, ..Self::nothing() }
    }

    /// Reads what the header of a file of this form names.
    pub(super) fn read(window: &Window, driver: Driver) -> Result<Self, Fault> {
        match driver {
            Driver::Qcow2 => qcow2(window),
            Driver::Qcow => qcow(window),
            Driver::Qed => qed(window),
            Driver::Vmdk => vmdk::names(window),
            Driver::Vdi => vdi_parent(window),
            Driver::Vhdx => Ok(Self::on(unnamed_if(vhdx::has_parent(window)?))),
            Driver::Vpc => vpc(window),
            Driver::Luks => Ok(Self { encryption: Some(Encryption::Luks), ..Self::nothing() }),
            Driver::Raw | Driver::Parallels | Driver::Bochs | Driver::Cloop | Driver::Dmg => {
                Ok(Self::nothing())
            }
        }
    }
}

fn unnamed_if(has_parent: bool) -> Backing {
    if has_parent { Backing::Unnamed } else { Backing::None }
}

fn other_form() -> Fault {
    Error::Damaged { what: "it does not start as its format requires" }.into()
}

/// docs/interop/qcow2.rst.
fn qcow2(window: &Window) -> Result<Names, Fault> {
    const DATA_FILE: u64 = 1 << 2;
    const BACKING_FORMAT: u32 = 0xe279_2aca;
    const DATA_FILE_NAME: u32 = 0x4441_5441;
    let head = window.read(0, HEAD_BYTES)?;
    if !head.starts_with(MAGIC) {
        return Err(other_form());
    }
    let (features, header_bytes) = match be32(&head, 4)? {
        2 => (0, 72),
        3 => (be64(&head, 72)?, be32(&head, 100)?),
        other => return Err(Error::Version(other).into()),
    };
    let (name_at, name_bytes) = (be64(&head, 8)?, be32(&head, 16)?);
    let encryption = match be32(&head, 32)? {
        0 => None,
        1 => Some(Encryption::LegacyAes),
        _ => Some(Encryption::Luks),
    };
    let cluster_bits = be32(&head, 20)?;
    if !(9..=21).contains(&cluster_bits) {
        return Err(Error::Damaged { what: "its cluster size is invalid" }.into());
    }
    // They end where the name begins, else with the first cluster.
    let end = if name_at == 0 { 1 << cluster_bits } else { name_at };
    let (mut driver, mut data_file) = (None, None);
    for (kind, content) in extensions(window, u64::from(header_bytes), end)? {
        match kind {
            BACKING_FORMAT => driver = Some(String::from_utf8_lossy(&content).into_owned()),
            DATA_FILE_NAME => data_file = Some(content),
            _ => {}
        }
    }
    let driver = driver.and_then(|name| Driver::from_name(&name));
    let data_files = if features & DATA_FILE == 0 { Vec::new() } else { vec![data_file] };
    Ok(Names { backing: named(window, name_at, name_bytes, driver)?, data_files, encryption })
}

/// Kind and content of each extension of a qcow2's header.
fn extensions(window: &Window, mut at: u64, end: u64) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let mut found = Vec::new();
    while at + 8 <= end && found.len() < MAX_EXTENSIONS {
        let head = window.read(at, 8)?;
        let (Ok(kind), Ok(bytes)) = (be32(&head, 0), be32(&head, 4)) else { break };
        if kind == 0 {
            break;
        }
        let next = at + 8 + u64::from(bytes).next_multiple_of(8);
        if at + 8 + u64::from(bytes) > end {
            return Err(Error::Damaged { what: "an extension of its header is too long" }.into());
        }
        // Long ones are bitmaps' and features' names, which nobody asks for here.
        let wanted = usize::try_from(bytes).unwrap_or(0).min(HEAD_BYTES);
        found.push((kind, window.read(at + 8, wanted)?));
        at = next;
    }
    Ok(found)
}

/// docs/interop/qcow (QEMU's block/qcow.c): the first version.
fn qcow(window: &Window) -> Result<Names, Fault> {
    let head = window.read(0, HEAD_BYTES)?;
    if !head.starts_with(MAGIC) || be32(&head, 4)? != 1 {
        return Err(other_form());
    }
    let encryption = (be32(&head, 36)? != 0).then_some(Encryption::LegacyAes);
    let backing = named(window, be64(&head, 8)?, be32(&head, 16)?, None)?;
    Ok(Names { backing, encryption, ..Names::nothing() })
}

/// docs/interop/qed_spec.rst.
fn qed(window: &Window) -> Result<Names, Fault> {
    const BACKING_FILE: u64 = 1;
    const BACKING_IS_RAW: u64 = 1 << 2;
    let head = window.read(0, HEAD_BYTES)?;
    if !head.starts_with(b"QED\0") {
        return Err(other_form());
    }
    let features = le64(&head, 16)?;
    if features & BACKING_FILE == 0 {
        return Ok(Names::nothing());
    }
    let driver = (features & BACKING_IS_RAW != 0).then_some(Driver::Raw);
    Ok(Names::on(named(window, u64::from(le32(&head, 56)?), le32(&head, 60)?, driver)?))
}

fn vdi_parent(window: &Window) -> Result<Names, Fault> {
    let head = window.read(0, HEAD_BYTES)?;
    let (at, magic) = vdi::MAGIC;
    if !head.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
        return Err(other_form());
    }
    Ok(Names::on(unnamed_if(vdi::has_parent(&head)?)))
}

/// Microsoft's Virtual Hard Disk Image Format Specification: a footer, of which a disk that grows has a copy
/// at its beginning. A fixed disk has none there, and no parent.
fn vpc(window: &Window) -> Result<Names, Fault> {
    const DIFFERENCING: u32 = 4;
    let head = window.read(0, HEAD_BYTES)?;
    Ok(Names::on(unnamed_if(head.starts_with(b"conectix") && be32(&head, 60)? == DIFFERENCING)))
}

/// The name that lies at that place; none where it is empty, as QEMU takes it.
fn named(window: &Window, at: u64, bytes: u32, driver: Option<Driver>) -> Result<Backing, Fault> {
    if at == 0 {
        return Ok(Backing::None);
    }
    if bytes > MAX_NAME_BYTES {
        return Err(Error::Damaged { what: "the name of its backing file is too long" }.into());
    }
    let mut name = window.read(at, usize::try_from(bytes).unwrap_or(0))?;
    if name.len() as u64 != u64::from(bytes) {
        return Err(Error::Truncated.into());
    }
    // To QEMU it is a C string.
    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
    Ok(if name.is_empty() { Backing::None } else { Backing::Named { name, driver } })
}
