//! The disk within an OVA: a tar archive of an OVF descriptor and the disks that it names (DMTF DSP0243).

use std::fs::File;
use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::manifest;

/// The largest descriptor, in bytes; those known have some ten KiB.
const MAX_DESCRIPTOR_BYTES: u64 = 4 << 20;
/// The most files that an archive may have.
const MAX_ENTRIES: usize = 1000;

/// Why no disk can be taken from an OVA.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no archive that can be read.
    #[error("the archive cannot be read")]
    Archive(#[source] std::io::Error),
    /// It holds too much.
    #[error(
        "it has more than {MAX_ENTRIES} files, or a descriptor of more than {MAX_DESCRIPTOR_BYTES} bytes"
    )]
    TooLarge,
    /// It is a tar file of something else.
    #[error("it has no OVF descriptor")]
    NoDescriptor,
    /// The descriptor is not XML.
    #[error("its OVF descriptor is malformed")]
    Malformed(#[source] Box<quick_xml::Error>),
    /// The descriptor names no disk that lies in the archive.
    #[error("its OVF descriptor names no disk in the archive")]
    NoDisk,
    /// The disk is compressed a second time.
    #[error("its disk {file} is compressed with {compression}")]
    Compressed {
        /// The file within.
        file: String,
        /// The OVF's word for it, such as "gzip".
        compression: String,
    },
    /// The manifest tells another digest.
    #[error("its file {file} has the wrong digest: expected {expected}, got {actual}")]
    DigestMismatch {
        /// The file within.
        file: String,
        /// What the manifest says, such as `sha1:HEX`.
        expected: String,
        /// What the bytes have.
        actual: String,
    },
    /// The manifest tells a digest by a function that OVF does not name, so it can't be checked.
    #[error("its manifest has the digest of {file} in the unknown format {function}")]
    UnknownDigest {
        /// The file within.
        file: String,
        /// The manifest's word for the function.
        function: String,
    },
    /// The manifest has no digest of a file that is used.
    #[error("its manifest has no digest of {file}")]
    NotInManifest {
        /// The file within.
        file: String,
    },
    /// The manifest names a file that the archive doesn't have: it was cut off, or is not the one that was made.
    #[error("its manifest names {file}, which it does not contain")]
    FileMissing {
        /// The file.
        file: String,
    },
    /// The manifest is not of the form that OVF gives it.
    #[error("its manifest is malformed in line {line}")]
    Manifest {
        /// Counted from 1.
        line: usize,
    },
}

/// Where the disk lies in the archive.
pub(super) struct DiskMember {
    pub(super) start: u64,
    pub(super) len: u64,
    /// Further disks that the descriptor names.
    pub(super) left_out: Vec<String>,
}

/// A file in the archive.
pub(super) struct Member {
    pub(super) name: String,
    /// Where it begins in the archive, in bytes.
    pub(super) start: u64,
    pub(super) len: u64,
}

/// The first disk that the descriptor names; `None` when the file is no tar archive, or is taken as `raw`.
pub(super) fn find_disk(file: &File, raw: bool) -> Result<Option<DiskMember>, Error> {
    let mut file = file;
    let mut head = [0; 512];
    if raw || file.read_exact(&mut head).is_err() || head.get(257..262) != Some(b"ustar") {
        file.rewind().map_err(Error::Archive)?;
        return Ok(None);
    }
    let members = list(file)?;
    let ending = |wanted: &str| members.iter().find(|member| member.is_called(wanted));
    let description = ending(".ovf").ok_or(Error::NoDescriptor)?;
    let disks = disks_of(&String::from_utf8_lossy(&small(file, description)?))?;
    let Some((first, others)) = disks.split_first() else { return Err(Error::NoDisk) };
    let member = members.iter().find(|member| member.name == first.file).ok_or(Error::NoDisk)?;
    if let Some(compression) = &first.compression {
        return Err(Error::Compressed { file: first.file.clone(), compression: compression.clone() });
    }
    if let Some(manifest) = ending(".mf") {
        let text = small(file, manifest)?;
        manifest::check(file, &members, &[description, member], &String::from_utf8_lossy(&text))?;
    }
    let left_out = others.iter().map(|disk| disk.file.clone()).collect();
    Ok(Some(DiskMember { start: member.start, len: member.len, left_out }))
}

impl Member {
    /// Whether its name ends so; what macOS puts beside each file (AppleDouble) doesn't count.
    fn is_called(&self, ending: &str) -> bool {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        !name.starts_with("._") && name.to_ascii_lowercase().ends_with(ending)
    }
}

fn list(mut file: &File) -> Result<Vec<Member>, Error> {
    file.rewind().map_err(Error::Archive)?;
    let mut archive = tar::Archive::new(file);
    let mut members = Vec::new();
    for entry in archive.entries_with_seek().map_err(Error::Archive)? {
        let entry = entry.map_err(Error::Archive)?;
        if members.len() == MAX_ENTRIES {
            return Err(Error::TooLarge);
        }
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            members.push(Member { name, start: entry.raw_file_position(), len: entry.size() });
        }
    }
    Ok(members)
}

fn small(mut file: &File, member: &Member) -> Result<Vec<u8>, Error> {
    if member.len > MAX_DESCRIPTOR_BYTES {
        return Err(Error::TooLarge);
    }
    let mut bytes = Vec::new();
    file.seek(std::io::SeekFrom::Start(member.start)).map_err(Error::Archive)?;
    file.take(member.len).read_to_end(&mut bytes).map_err(Error::Archive)?;
    Ok(bytes)
}

#[derive(Debug, PartialEq, Eq)]
struct Disk {
    file: String,
    compression: Option<String>,
}

/// The files of the disks, in the descriptor's order.
fn disks_of(descriptor: &str) -> Result<Vec<Disk>, Error> {
    let mut reader = Reader::from_str(descriptor);
    let (mut files, mut references) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().map_err(|error| Error::Malformed(Box::new(error)))? {
            Event::Start(start) | Event::Empty(start) => match start.local_name().as_ref() {
                "File" => files.push((
                    attribute(&start, "id"),
                    attribute(&start, "href"),
                    attribute(&start, "compression"),
                )),
                "Disk" => references.extend(attribute(&start, "fileRef")),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    let named = references.iter().filter_map(|reference| {
        let (_, href, compression) = files.iter().find(|(id, ..)| id.as_ref() == Some(reference))?;
        let compression = compression.clone().filter(|word| !word.is_empty() && word != "identity");
        Some(Disk { file: href.clone()?, compression })
    });
    Ok(named.collect())
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned())
}
