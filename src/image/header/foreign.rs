//! What is known and is no image. Whatever is not recognized here counts as a raw disk, so this list is long:
//! a guest that gets another program's disk, a packed file or a web page as its disk does not boot, and says
//! nothing of why.

use super::Driver;

/// Something that is known, and no image as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Another program's disk, which an import converts.
    Importable(&'static str),
    /// Another program's disk, which qemu-img can convert but an import does not.
    Disk(&'static str, Driver),
    /// A disk in the form of a program for backups or evidence, and a program that writes it out.
    Export(&'static str, &'static str),
    /// A packed file or an archive.
    Packed(&'static str),
    /// A file system without a boot loader, made to be mounted.
    FileSystem(&'static str),
    /// Nothing that a disk can be made of.
    Other(&'static str),
}

impl Foreign {
    /// What it is, such as "a VMware disk (VMDK)".
    pub fn what(self) -> &'static str {
        match self {
            Self::Importable(what)
            | Self::Disk(what, _)
            | Self::Export(what, _)
            | Self::Packed(what)
            | Self::FileSystem(what)
            | Self::Other(what) => what,
        }
    }

    /// What a file is that begins with `head` ([`super::HEAD_BYTES`] of it) and ends with `tail`
    /// ([`super::TAIL_BYTES`]).
    pub(super) fn of(head: &[u8], tail: &[u8]) -> Option<Self> {
        let is =
            |bytes: &[u8], at: usize, mark: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark));
        let by_head = HEADS.iter().find(|(at, mark, _)| is(head, *at, mark));
        let by_tail = || TAILS.iter().find(|(at, mark, _)| is(tail, *at, mark));
        by_head.or_else(by_tail).map(|(.., foreign)| *foreign).or_else(|| text(head))
    }
}

type Mark = (usize, &'static [u8], Foreign);

/// Where a mark stands from the file's beginning.
const HEADS: &[Mark] = &[
    (0, b"KDMV", Foreign::Importable("a VMware disk (VMDK)")),
    (64, b"\x7f\x10\xda\xbe", Foreign::Importable("a VirtualBox disk (VDI)")),
    (0, b"vhdxfile", Foreign::Importable("a Hyper-V disk (VHDX)")),
    (0, b"# Disk DescriptorFile", Foreign::Disk("the descriptor of a VMware disk (VMDK)", Driver::Vmdk)),
    (0, b"COWD", Foreign::Disk("a VMware disk (VMDK) in ESX's old format", Driver::Vmdk)),
    (0, b"conectix", Foreign::Disk("a Hyper-V or Azure disk (VHD)", Driver::Vpc)),
    (0, b"QFI\xfb\0\0\0\x01", Foreign::Disk("a qcow disk of version 1", Driver::Qcow)),
    (0, b"QED\0", Foreign::Disk("a QED disk", Driver::Qed)),
    (0, b"WithoutFreeSpace", Foreign::Disk("a Parallels disk", Driver::Parallels)),
    (0, b"WithouFreSpacExt", Foreign::Disk("a Parallels disk", Driver::Parallels)),
    (0, b"Bochs Virtual HD Image", Foreign::Disk("a Bochs disk", Driver::Bochs)),
    (0, b"#!/bin/sh\n#V2.0 Format\n", Foreign::Disk("a cloop disk", Driver::Cloop)),
    (0, b"encrcdsa", Foreign::Other("an encrypted Apple disk image (DMG)")),
    (0, b"sprs", Foreign::Other("a sparse Apple disk image")),
    (0, b"OOOM", Foreign::Other("a User-Mode Linux copy-on-write disk")),
    // libewf's documentation of the formats EWF and EWF2, afflib's lib/afflib.h.
    (0, b"EVF\t\r\n\xff\0", Foreign::Export("an EnCase image (EWF)", "ewfexport")),
    (0, b"LVF\t\r\n\xff\0", Foreign::Export("EnCase logical evidence (L01)", "ewfexport")),
    (0, b"EVF2\r\n\x81\0", Foreign::Export("an EnCase image (EWF2)", "ewfexport")),
    (0, b"LEF2\r\n\x81\0", Foreign::Export("EnCase logical evidence (Lx01)", "ewfexport")),
    (0, b"AFF10\r\n\0", Foreign::Export("a forensic image (AFF)", "affconvert")),
    (0, b"\x3a\xff\x26\xed", Foreign::Export("an Android sparse image", "simg2img")),
    (0, b"partclone-image", Foreign::Export("a backup by partclone", "partclone.restore")),
    (0, b"PaRtImAgE-VoLuMe", Foreign::Export("a backup by partimage", "partimage")),
    (0, b"VMA\0", Foreign::Export("a backup by Proxmox (VMA)", "vma extract")),
    (0, b"MSWIM\0\0\0", Foreign::Export("a Windows image (WIM)", "wimapply")),
    (0, b"WLPWM\0\0\0", Foreign::Export("a Windows image (WIM)", "wimapply")),
    (0, b"MComprHD", Foreign::Export("a compressed MAME disk (CHD)", "chdman")),
    (0, b"\xb4\x6e\x68\x44", Foreign::Other("a backup by Acronis True Image")),
    (0, b"\xfe\xef\x01", Foreign::Other("a backup by Norton Ghost")),
    (0, b"xFSdump0", Foreign::Export("a backup by xfsdump", "xfsrestore")),
    (8, b"\xac\xcb\xba\xf5\x02\0\0\0", Foreign::Export("a stream of zfs send", "zfs receive")),
    (0, b"btrfs-stream\0", Foreign::Export("a stream of btrfs send", "btrfs receive")),
    (0, b"CISO", Foreign::Packed("a compressed CD image (CSO)")),
    (0, b"DAA\0\0\0\0\0", Foreign::Packed("a compressed CD image (DAA)")),
    (0, b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", Foreign::Other("a CD image of raw sectors (BIN)")),
    (0, b"MEDIA DESCRIPTOR", Foreign::Other("the descriptor of a CD image (MDS)")),
    (0, b"\x1f\x8b", Foreign::Packed("a gzip file")),
    (0, b"\x1f\x9d", Foreign::Packed("a file packed by compress")),
    (0, b"\xfd7zXZ\0", Foreign::Packed("an xz file")),
    (0, b"\x28\xb5\x2f\xfd", Foreign::Packed("a zstd file")),
    (0, b"BZh", Foreign::Packed("a bzip2 file")),
    (0, b"LZIP", Foreign::Packed("an lzip file")),
    (0, b"\x5d\0\0\x80\0", Foreign::Packed("an lzma file")),
    (0, b"\x89LZO\0\r\n\x1a\n", Foreign::Packed("an lzop file")),
    (0, b"\x04\x22\x4d\x18", Foreign::Packed("an lz4 file")),
    (0, b"\x02\x21\x4c\x18", Foreign::Packed("an lz4 file")),
    (0, b"\xff\x06\0\0sNaPpY", Foreign::Packed("a snappy file")),
    (0, b"LRZI", Foreign::Packed("an lrzip file")),
    (0, b"pbzx", Foreign::Packed("a pbzx file")),
    (0, b"PK\x03\x04", Foreign::Packed("a zip file")),
    (0, b"PK\x05\x06", Foreign::Packed("an empty zip file")),
    (0, b"7z\xbc\xaf\x27\x1c", Foreign::Packed("a 7z file")),
    (0, b"Rar!\x1a\x07", Foreign::Packed("a RAR file")),
    (0, b"MSCF\0\0\0\0", Foreign::Packed("a cabinet file")),
    (0, b"xar!", Foreign::Packed("an xar file")),
    (257, b"ustar", Foreign::Packed("a tar file")),
    (0, b"070701", Foreign::Packed("a cpio file")),
    (0, b"070702", Foreign::Packed("a cpio file")),
    (0, b"070707", Foreign::Packed("a cpio file")),
    (0, b"!<arch>\n", Foreign::Packed("a Debian package or library")),
    (0, b"\xed\xab\xee\xdb", Foreign::Packed("an RPM package")),
    (0, b"hsqs", Foreign::FileSystem("a squashfs file system")),
    (0, b"sqsh", Foreign::FileSystem("a squashfs file system")),
    (1024, b"\xe2\xe1\xf5\xe0", Foreign::FileSystem("an EROFS file system")),
    (0, b"\x45\x3d\xcd\x28", Foreign::FileSystem("a cramfs file system")),
    (0, b"-rom1fs-", Foreign::FileSystem("a romfs file system")),
    (0, b"LibvirtQemudSave", Foreign::Other("a VM's memory, saved by libvirt")),
    (0, b"LibvirtQemudPart", Foreign::Other("a part of a VM's memory, saved by libvirt")),
    (0, b"QEVM", Foreign::Other("a VM's memory, saved by QEMU")),
    (0, b"\x7fVirtualBox SavedState", Foreign::Other("a VM's memory, saved by VirtualBox")),
    (0, b"\xd2\xbe\xd2\xbe", Foreign::Other("a VM's memory, saved by VMware")),
    (0, b"LinuxGuestRecord", Foreign::Other("a VM's memory, saved by Xen")),
    (0, b"KDUMP   ", Foreign::Other("a crash dump")),
    (0x202, b"HdrS", Foreign::Other("a Linux kernel")),
    (0, b"\x27\x05\x19\x56", Foreign::Other("a U-Boot image")),
    (0, b"\xd0\x0d\xfe\xed", Foreign::Other("a device tree, or an image for U-Boot")),
    (0, b"ANDROID!", Foreign::Other("an Android boot image")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Foreign::Other("a Windows installer or an Office document")),
    (0, b"version https://git-lfs", Foreign::Other("a Git LFS pointer, not the image itself")),
    (0, b"-----BEGIN ", Foreign::Other("a PEM or PGP text")),
    (0, b"Salted__", Foreign::Other("a file encrypted by openssl")),
    (0, b"age-encryption.org/", Foreign::Other("a file encrypted by age")),
    (0, b"\x7fELF", Foreign::Other("a program")),
    (0, b"%PDF-", Foreign::Other("a PDF document")),
    (0, b"\x89PNG\r\n\x1a\n", Foreign::Other("a picture")),
    (0, b"GIF8", Foreign::Other("a picture")),
    (0, b"\xff\xd8\xff", Foreign::Other("a picture")),
    (0, b"SQLite format 3\0", Foreign::Other("an SQLite database")),
    (0, b"OggS", Foreign::Other("an audio recording")),
    (4, b"ftyp", Foreign::Other("a video")),
];

/// Where a mark stands in the last 512 bytes.
const TAILS: &[Mark] = &[
    // A fixed disk has its data first.
    (0, b"conectix", Foreign::Disk("a Hyper-V or Azure disk (VHD)", Driver::Vpc)),
    (0, b"koly", Foreign::Disk("an Apple disk image (DMG)", Driver::Dmg)),
    (504, b"cdsaencr", Foreign::Other("an encrypted Apple disk image (DMG)")),
    (500, b"NER5", Foreign::Other("a Nero CD image")),
    (504, b"NERO", Foreign::Other("a Nero CD image")),
];

/// What a text is. No disk begins with a sector of text.
fn text(head: &[u8]) -> Option<Foreign> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let trimmed = head.trim_ascii_start();
    let starts =
        |prefix: &[u8]| trimmed.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts(b"<!doctype") || starts(b"<html") || starts(b"<head") {
        return Some(Foreign::Other("a web page, not an image"));
    }
    if starts(b"<?xml") {
        return Some(Foreign::Other("an XML document, not an image"));
    }
    let sector = &head[..head.len().min(512)];
    // The sector may end within a letter.
    let is_text = match std::str::from_utf8(sector) {
        Ok(text) => is_plain(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&sector[..error.valid_up_to()]).is_ok_and(is_plain)
        }
        Err(_) => false,
    };
    is_text.then_some(Foreign::Other("a text file, not an image"))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\x0c'))
}
