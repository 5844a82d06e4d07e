//! Heads and tails of files of many kinds.

use super::*;
use crate::image::FileKind;

fn sectors(start: &[u8]) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.resize(bytes.len().next_multiple_of(512).max(2048), 0);
    bytes
}

fn inspect_head(head: &[u8]) -> Result<Header, Error> {
    inspect(head, &[0; 512], 1 << 20)
}

#[track_caller]
fn foreign(head: &[u8]) -> Foreign {
    match inspect_head(head) {
        Err(Error::Foreign(foreign)) => foreign,
        other => panic!("{other:?}"),
    }
}

#[test]
fn raw_and_iso() {
    for raw in [&b"\xeb\x63"[..], b"\0\0\0\0", b"MZ\xea\x07", b"\xfa\xb8\0\x10"] {
        let header = inspect(&sectors(raw), &[0; 512], 4096).expect("raw");
        assert_eq!((header.format, header.virtual_size_bytes), (Format::Raw, 4096));
    }
    let mut iso = vec![0; HEAD_BYTES];
    for id in [b"CD001", b"BEA01"] {
        iso[32769..32774].copy_from_slice(id);
        assert_eq!(inspect_head(&iso).map(|header| header.format), Ok(Format::Iso));
    }
}

#[test]
fn what_is_no_image_is_named() {
    for (start, word) in [
        (&b"KDMV"[..], "VMDK"),
        (b"# Disk DescriptorFile\nversion=1", "VMDK"),
        (b"COWD", "VMDK"),
        (b"vhdxfile", "VHDX"),
        (b"conectix", "VHD"),
        (b"QED\0", "QED"),
        (b"QFI\xfb\0\0\0\x01", "version 1"),
        (b"WithoutFreeSpace", "Parallels"),
        (b"WithouFreSpacExt", "Parallels"),
        (b"Bochs Virtual HD Image", "Bochs"),
        (b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop", "cloop"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh91AY", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"PK\x03\x04", "zip"),
        (b"hsqs", "squashfs"),
        (b"LibvirtQemudSave", "memory"),
        (b"\n  <!doctype HTML>", "web page"),
        (b"\xef\xbb\xbf<HTML>", "web page"),
        (b"<?xml version='1.0'?><Error>", "XML"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (b"-----BEGIN PGP MESSAGE-----", "PGP"),
        (b"\x7fELF", "program"),
        (b"EVF\t\r\n\xff\0\x01\x01\0", "EWF"),
        (b"LVF\t\r\n\xff\0\x01\x01\0", "L01"),
        (b"EVF2\r\n\x81\0", "EWF2"),
        (b"LEF2\r\n\x81\0", "Lx01"),
        (b"AFF10\r\n\0", "AFF"),
        (b"VMA\0\0\0\0\x01", "Proxmox"),
        (b"MSWIM\0\0\0", "WIM"),
        (b"MComprHD", "CHD"),
        (b"OOOM\0\0\0\x02", "User-Mode"),
        (b"sqsh", "squashfs"),
        (b"CISO", "CSO"),
    ] {
        let what = foreign(&sectors(start)).what();
        assert!(what.contains(word), "{what} / {word}");
    }
    let mut vdi = sectors(b"<<< Oracle VM VirtualBox Disk Image >>>\n");
    vdi[64..68].copy_from_slice(b"\x7f\x10\xda\xbe");
    assert!(matches!(foreign(&vdi), Foreign::Importable(what) if what.contains("VDI")));
    let mut tar = sectors(b"vm.ovf");
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(foreign(&tar), Foreign::Packed("a tar file"));
    let mut erofs = sectors(b"");
    erofs[1024..1028].copy_from_slice(b"\xe2\xe1\xf5\xe0");
    assert!(matches!(foreign(&erofs), Foreign::FileSystem(_)));
    assert_eq!(inspect_head(&sectors(b"LUKS\xba\xbe\0\x02")), Err(Error::Encrypted));
}

#[test]
fn disks_that_have_their_mark_at_the_end() {
    for (at, mark, word) in
        [(0, b"conectix", "VHD"), (0, b"koly\0\0\0\x04", "Apple"), (504, b"cdsaencr", "encrypted")]
    {
        let mut tail = vec![0; TAIL_BYTES];
        tail[at..at + 8].copy_from_slice(mark);
        let Err(Error::Foreign(Foreign::Disk(what, _) | Foreign::Other(what))) =
            inspect(&sectors(b"\xeb\x63"), &tail, 1 << 20)
        else {
            panic!("{word} was taken")
        };
        assert!(what.contains(word), "{what}");
    }
}

#[test]
fn texts_are_no_disks() {
    let not_found = sectors(b"").iter().map(|_| b'x').collect::<Vec<_>>();
    for text in [
        &b"404 page not found\n"[..],
        b"{\"error\": \"denied\"}",
        b"#!/bin/sh\necho",
        "nicht gefunden: \u{fc}".as_bytes(),
        &not_found,
        &[&vec![b'a'; 511][..], "\u{fc}".as_bytes(), &[0; 2000]].concat(),
    ] {
        assert!(matches!(inspect(text, text, 1 << 20), Err(Error::Foreign(Foreign::Other(_)))), "{text:?}");
    }
    // Zeros behind a little text are a disk's, not a document's.
    assert!(inspect_head(&sectors(b"hello")).is_ok());
    assert!(inspect_head(&sectors(b"\xc3\x28 no text")).is_ok());
}

#[test]
fn sizes_that_no_disk_has() {
    assert_eq!(inspect(&[], &[], 0), Err(Error::Empty));
    assert_eq!(inspect(b"\0hello", b"\0hello", 6), Err(Error::NoSectors { bytes: 6 }));
    let bytes = MAX_VIRTUAL_SIZE_BYTES + 512;
    assert_eq!(inspect(&[0; 512], &[0; 512], bytes), Err(Error::VirtualSize { bytes }));
}

#[test]
fn files_are_told_from_folders_pipes_and_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let kind = |path: &Path| match read(path) {
        Err(ImageError::NotAFile { kind, .. }) => kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(folder.path()), FileKind::Folder);
    assert_eq!(kind(Path::new("/dev/null")), FileKind::CharacterDevice);
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("makes");
    assert_eq!(kind(&pipe), FileKind::Fifo);
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("binds");
    assert_eq!(kind(&socket), FileKind::Socket);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).expect("links");
    assert_eq!(kind(&folder.path().join("link")), FileKind::Folder);
    assert!(matches!(read(&folder.path().join("no")), Err(ImageError::FileMissing { .. })));
}

#[test]
fn a_file_system_is_a_data_disk_and_no_image() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("root.squashfs");
    std::fs::write(&path, sectors(b"hsqs")).expect("writes");
    assert!(matches!(read(&path), Err(ImageError::Header { .. })));
    let (header, bytes) = read_data_disk(&path).expect("taken");
    assert_eq!((header.format, header.virtual_size_bytes, bytes), (Format::Raw, 2048, 2048));
    std::fs::write(&path, sectors(b"PK\x03\x04")).expect("writes");
    assert!(read_data_disk(&path).is_err());
}
