//! The checksum documents of image publishers, read purely.

use serde::{Deserialize, Serialize};

use crate::model::{Algorithm, Digest};

/// The form of a checksum document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `HEX  FILE` a line, as sha256sum of GNU coreutils prints it (`HEX *FILE` in its binary mode).
    Gnu,
    /// `SHA256 (FILE) = HEX` a line, as sha256 of BSD prints it.
    Bsd,
    /// The digits alone.
    Bare,
}

/// Why a document doesn't tell a file's digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is not listed with a digest of this function.
    #[error("it has no {} for the file", .algorithm.name())]
    NotListed {
        /// The hash function that was looked for.
        algorithm: Algorithm,
    },
    /// The line that should tell the digest doesn't.
    #[error("its line {line} has no digest")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// The file is listed twice, with different digests.
    #[error("it lists the file with different digests (line {line})")]
    Ambiguous {
        /// The later of the two, counted from 1.
        line: usize,
    },
    /// It is no text.
    #[error("it is not a text document")]
    NotText,
}

/// The digest of `file` (a bare name) by `document`. Comments, other files, other hash functions and an
/// OpenPGP signature around the text are passed over; a folder before the file's name is ignored.
///
/// # Errors
/// When the document doesn't tell it, or not clearly.
pub fn parse(document: &[u8], format: Format, algorithm: Algorithm, file: &str) -> Result<Digest, Error> {
    let text = std::str::from_utf8(document).map_err(|_| Error::NotText)?;
    let mut found: Option<Digest> = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let Some(hex) = (match format {
            Format::Gnu => gnu(line, file),
            Format::Bsd => bsd(line, algorithm, file),
            Format::Bare => bare(line),
        }) else {
            continue;
        };
        let digest = Digest::from_hex(hex).map_err(|_| Error::Malformed { line: line_number })?;
        if digest.algorithm() != algorithm {
            continue;
        }
        match &found {
            Some(other) if *other != digest => return Err(Error::Ambiguous { line: line_number }),
            _ => found = Some(digest),
        }
    }
    found.ok_or(Error::NotListed { algorithm })
}

fn gnu<'a>(line: &'a str, file: &str) -> Option<&'a str> {
    let (hex, name) = line.trim().split_once([' ', '\t'])?;
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    (base_name(name) == file).then_some(hex)
}

fn bsd<'a>(line: &'a str, algorithm: Algorithm, file: &str) -> Option<&'a str> {
    let (function, rest) = line.trim().split_once(" (")?;
    let (name, hex) = rest.rsplit_once(") =")?;
    let same = function.replace('-', "").eq_ignore_ascii_case(algorithm.name());
    (same && base_name(name) == file).then(|| hex.trim())
}

/// The first word of a line that has any; some publishers put the file's name behind it.
fn bare(line: &str) -> Option<&str> {
    line.split_whitespace().next().filter(|word| !word.starts_with('#'))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "disk.qcow2";

    fn hex(algorithm: Algorithm, digit: char) -> String {
        String::from(digit).repeat(algorithm.hex_length())
    }

    fn sha256(text: &str, format: Format) -> Result<String, Error> {
        parse(text.as_bytes(), format, Algorithm::Sha256, FILE).map(|digest| digest.hex().to_owned())
    }

    #[test]
    fn gnu_lines() {
        let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
        for text in [
            format!("{b}  other.qcow2\n{a}  disk.qcow2\n"),
            format!("{b} *disk.qcow2.manifest\n{a} *disk.qcow2\r\n"),
            format!("# made today\n\n{a}  ./images/disk.qcow2"),
            format!("{}  disk.qcow2\n{a}  disk.qcow2\n", hex(Algorithm::Sha512, 'c')),
            format!("{a}  disk.qcow2\n{a}  disk.qcow2\n"),
        ] {
            assert_eq!(sha256(&text, Format::Gnu), Ok(a.clone()), "{text}");
        }
        let long = hex(Algorithm::Sha512, 'D');
        let digest = parse(format!("{long}  {FILE}").as_bytes(), Format::Gnu, Algorithm::Sha512, FILE);
        assert_eq!(digest.map(|d| d.hex().to_owned()), Ok(long.to_lowercase()));
    }

    #[test]
    fn bsd_lines_in_a_signed_text() {
        let a = hex(Algorithm::Sha256, 'a');
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# disk.qcow2: 5 bytes\n\
             SHA512 (disk.qcow2) = {}\nSHA256 (disk.qcow2) = {a}\n\
             SHA256 (a (1) disk.qcow2) = {}\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n",
            hex(Algorithm::Sha512, 'c'),
            hex(Algorithm::Sha256, 'd'),
        );
        assert_eq!(sha256(&text, Format::Bsd), Ok(a));
    }

    #[test]
    fn bare_digits() {
        let a = hex(Algorithm::Sha256, 'a');
        assert_eq!(sha256(&format!("{a}\n"), Format::Bare), Ok(a.clone()));
        assert_eq!(sha256(&format!("{a}  whatever"), Format::Bare), Ok(a));
    }

    #[test]
    fn each_malformed_shape() {
        let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
        let none = Error::NotListed { algorithm: Algorithm::Sha256 };
        for (text, format, error) in [
            (String::new(), Format::Gnu, none.clone()),
            (format!("{a}  other"), Format::Gnu, none.clone()),
            (format!("{a}  xdisk.qcow2"), Format::Gnu, none.clone()),
            (a.clone(), Format::Gnu, none.clone()),
            (format!("{}  {FILE}", &a[1..]), Format::Gnu, Error::Malformed { line: 1 }),
            (format!("z{}  {FILE}", &a[1..]), Format::Gnu, Error::Malformed { line: 1 }),
            (format!("{a}  {FILE}\n{b}  {FILE}"), Format::Gnu, Error::Ambiguous { line: 2 }),
            (format!("SHA1 ({FILE}) = {a}"), Format::Bsd, none.clone()),
            (format!("SHA256 ({FILE}) = "), Format::Bsd, Error::Malformed { line: 1 }),
            (format!("SHA256 ({FILE} = {a}"), Format::Bsd, none.clone()),
            ("<html>gone</html>".into(), Format::Bare, Error::Malformed { line: 1 }),
            (hex(Algorithm::Sha512, 'a'), Format::Bare, none),
        ] {
            assert_eq!(sha256(&text, format), Err(error), "{text}");
        }
        assert_eq!(parse(b"\xff\xfe", Format::Gnu, Algorithm::Sha256, FILE), Err(Error::NotText));
    }
}
