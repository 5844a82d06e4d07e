use std::path::Path;

/// What is below a disk file: `None` when the file can't be read, else the file that it names, if it names one,
/// with the format that it is said to have.
pub(super) fn below(path: &Path, format: Option<&str>) -> Option<Option<(String, Option<String>)>> {
    // A raw disk's first bytes are its guest's: what they look like means nothing.
    if format == Some("raw") {
        return Some(None);
    }
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::open(path).ok()?;
    let mut head = [0; 72];
    if file.read_exact_at(&mut head, 0).is_err() || &head[..4] != b"QFI\xfb" {
        return Some(None);
    }
    let number =
        |at: usize, bytes: usize| head[at..at + bytes].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let (offset, length) = (number(8, 8), number(16, 4));
    if offset == 0 || length == 0 || length > 1023 {
        return Some(None);
    }
    let mut name = vec![0; length as usize];
    file.read_exact_at(&mut name, offset).ok()?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let folder = path.parent().unwrap_or(Path::new("/"));
    Some(Some((folder.join(name).to_string_lossy().into_owned(), None)))
}
