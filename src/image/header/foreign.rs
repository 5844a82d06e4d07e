/// Another program's disk, which an import converts.
pub(super) fn convertible(bytes: &[u8]) -> Option<&'static str> {
    const MAGICS: [(usize, &[u8], &str); 3] = [
        (0, b"KDMV", "a VMware disk (VMDK)"),
        (64, b"\x7f\x10\xda\xbe", "a VirtualBox disk (VDI)"),
        (0, b"vhdxfile", "a Hyper-V disk (VHDX)"),
    ];
    first(&MAGICS, bytes)
}

/// What `bytes` are, if they are something that is known and no image.
pub(super) fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const MAGICS: [(usize, &[u8], &str); 15] = [
        (0, b"# Disk DescriptorFile", "the descriptor of a VMware disk (VMDK)"),
        (0, b"COWD", "a VMware disk (VMDK); convert it to qcow2 first"),
        (0, b"conectix", "a Hyper-V disk (VHD); convert it to qcow2 first"),
        (0, b"QED\0", "a QED disk; convert it to qcow2 first"),
        (0, b"\x1f\x8b", "a gzip file; unpack it first"),
        (0, b"\xfd7zXZ\0", "an xz file; unpack it first"),
        (0, b"\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
        (0, b"BZh", "a bzip2 file; unpack it first"),
        (0, b"PK\x03\x04", "a zip file; unpack it first"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z file; unpack it first"),
        (257, b"ustar", "a tar file; unpack it first"),
        (0, b"LUKS\xba\xbe", "a disk encrypted with LUKS"),
        (0, b"version https://git-lfs", "a Git LFS pointer, not the image itself"),
        (0, b"-----BEGIN ", "a text in PEM or PGP form"),
        (0, b"\x7fELF", "a program"),
    ];
    if let Some(what) = first(&MAGICS, bytes) {
        return Some(what);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let starts =
        |prefix: &[u8]| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts(b"<!doctype") || starts(b"<html") {
        return Some("a web page, not an image");
    }
    starts(b"<?xml").then_some("an XML document, not an image")
}

fn first(magics: &[(usize, &[u8], &'static str)], bytes: &[u8]) -> Option<&'static str> {
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    magics.iter().find(|(at, magic, _)| is(*at, magic)).map(|(_, _, what)| *what)
}
