//! The manifest of an OVA: a digest for each of its files (DMTF DSP0243, 5.1).

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::ova::{Error, Member};

const CHUNK_BYTES: usize = 1 << 20;

/// The hash functions that OVF names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sha1,
    Sha256,
    Sha512,
}

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    function: Function,
    file: String,
    hex: String,
}

/// Checks the files that are `used` against the manifest. SHA-1 holds against damage, not against somebody who
/// makes an archive so on purpose; so does a manifest as a whole, which nobody signs.
///
/// # Errors
/// When a digest is another one, when the manifest doesn't tell that of each, tells it by a function that is
/// not known, or names a file that the archive doesn't have.
pub(super) fn check(archive: &File, members: &[Member], used: &[&Member], text: &str) -> Result<(), Error> {
    let lines = parse(text)?;
    if let Some(line) = lines.iter().find(|line| !members.iter().any(|member| member.name == line.file)) {
        return Err(Error::FileMissing { file: line.file.clone() });
    }
    for member in used {
        let mut of_member = lines.iter().filter(|line| line.file == member.name).peekable();
        if of_member.peek().is_none() {
            return Err(Error::NotInManifest { file: member.name.clone() });
        }
        for line in of_member {
            let actual = digest(archive, member, line.function)?;
            if !actual.eq_ignore_ascii_case(&line.hex) {
                let prefix = line.function.name();
                return Err(Error::DigestMismatch {
                    file: member.name.clone(),
                    expected: format!("{prefix}:{}", line.hex),
                    actual: format!("{prefix}:{actual}"),
                });
            }
        }
    }
    Ok(())
}

/// The lines, as `openssl dgst` prints them: `SHA256(vm.ovf)= 12ab..`.
fn parse(text: &str) -> Result<Vec<Line>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| parse_line(line, index + 1)).collect()
}

fn parse_line(line: &str, number: usize) -> Result<Line, Error> {
    let malformed = || Error::Manifest { line: number };
    let (left, hex) = line.rsplit_once('=').ok_or_else(malformed)?;
    let (function, file) =
        left.trim().strip_suffix(')').and_then(|left| left.split_once('(')).ok_or_else(malformed)?;
    let (name, hex, file) = (function.trim(), hex.trim(), file.trim().trim_start_matches("./"));
    // OpenSSL 3 says SHA2-256.
    let function = match name.to_ascii_uppercase().as_str() {
        "SHA1" | "SHA-1" => Function::Sha1,
        "SHA256" | "SHA-256" | "SHA2-256" => Function::Sha256,
        "SHA512" | "SHA-512" | "SHA2-512" => Function::Sha512,
        _ => return Err(Error::UnknownDigest { file: file.to_owned(), function: name.to_owned() }),
    };
    let is_hex = hex.len() == function.hex_chars() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || file.is_empty() {
        return Err(malformed());
    }
    Ok(Line { function, file: file.to_owned(), hex: hex.to_ascii_lowercase() })
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_chars(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// In hexadecimal.
fn digest(archive: &File, member: &Member, function: Function) -> Result<String, Error> {
    let bytes = match function {
        Function::Sha1 => hash::<sha1::Sha1>(archive, member)?,
        Function::Sha256 => hash::<sha2::Sha256>(archive, member)?,
        Function::Sha512 => hash::<sha2::Sha512>(archive, member)?,
    };
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn hash<H: sha1::Digest>(archive: &File, member: &Member) -> Result<Vec<u8>, Error> {
    let mut hasher = H::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut at, end) = (member.start, member.start.saturating_add(member.len));
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        match archive.read_at(&mut chunk[..wanted], at) {
            Ok(0) => return Err(Error::Archive(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                hasher.update(&chunk[..count]);
                at += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Archive(error)),
        }
    }
    Ok(hasher.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_all_spellings() {
        let (one, two) = ("a".repeat(40), "B".repeat(64));
        let text = format!(
            "SHA1(vm.ovf)= {one}\r\n\n SHA256 (./my (2) disk.vmdk) = {two}\nSHA2-512(x)= {}\n",
            "c".repeat(128)
        );
        let lines = parse(&text).expect("a manifest");
        let line = |function, file: &str, hex: String| Line { function, file: file.into(), hex };
        assert_eq!(lines[0], line(Function::Sha1, "vm.ovf", one));
        assert_eq!(lines[1], line(Function::Sha256, "my (2) disk.vmdk", two.to_lowercase()));
        assert_eq!(lines[2].function, Function::Sha512);
    }

    #[test]
    fn each_malformed_shape() {
        let hex = "a".repeat(64);
        for text in [
            "nothing".to_owned(),
            format!("SHA256(vm.ovf) {hex}"),
            format!("SHA256 vm.ovf = {hex}"),
            format!("SHA256()= {hex}"),
            format!("SHA1(vm.ovf)= {hex}"),
            format!("SHA256(vm.ovf)= {}z", &hex[1..]),
            "SHA256(vm.ovf)=".to_owned(),
        ] {
            assert!(matches!(parse(&format!("\n{text}")), Err(Error::Manifest { line: 2 })), "{text}");
        }
        let unknown = parse(&format!("MD5(vm.ovf)= {hex}"));
        assert!(matches!(unknown, Err(Error::UnknownDigest { function, .. }) if function == "MD5"));
    }
}
