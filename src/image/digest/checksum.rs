//! The checksum documents of image publishers, read purely.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// JSON, in which some object has the file's name or URL as a member, of whatever key, and its digest as the
    /// member that is called after the hash function: meta.json of a Fedora CoreOS build.
    Json,
}

/// Why a document doesn't tell a file's digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is not listed with a digest of this function.
    #[error("it has no {} digest of the file", .algorithm.name())]
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
    /// JSON that lists the file with something that is no digest of this function, or with different ones.
    #[error("it has no unambiguous {} digest of the file", .algorithm.name())]
    NotOne {
        /// The hash function that was looked for.
        algorithm: Algorithm,
    },
    /// It is no text.
    #[error("it is not a text document")]
    NotText,
    /// It is no JSON.
    #[error("it is not JSON (line {line})")]
    NotJson {
        /// Where the reading of it ended, counted from 1.
        line: usize,
    },
}

/// The lengths in hexadecimal digits of MD5, SHA-1, SHA-224 and SHA-384, which some publishers list beside those that
/// are taken.
const OTHER_HEX_LENGTHS: [usize; 4] = [32, 40, 56, 96];

/// The digest of `file` (a bare name) by `document`. Comments, other files, other hash functions and an
/// OpenPGP signature around the text are passed over; a directory before the file's name is ignored.
///
/// # Errors
/// When the document doesn't tell it, or not clearly.
pub fn parse(document: &[u8], format: Format, algorithm: Algorithm, file: &str) -> Result<Digest, Error> {
    let text = std::str::from_utf8(document).map_err(|_| Error::NotText)?;
    match format {
        Format::Gnu => by_line(text, algorithm, |line| gnu(line, file)),
        Format::Bsd => by_line(text, algorithm, |line| bsd(line, algorithm, file)),
        Format::Bare => by_line(text, algorithm, bare),
        Format::Json => json(text, algorithm, file),
    }
}

/// The digest in those lines of which `hex_in` gives one.
fn by_line<'a>(
    text: &'a str,
    algorithm: Algorithm,
    hex_in: impl Fn(&'a str) -> Option<&'a str>,
) -> Result<Digest, Error> {
    let mut found: Option<Digest> = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let Some(hex) = hex_in(line).filter(|hex| !is_of_another_function(hex)) else { continue };
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

fn is_of_another_function(hex: &str) -> bool {
    OTHER_HEX_LENGTHS.contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn json(text: &str, algorithm: Algorithm, file: &str) -> Result<Digest, Error> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| Error::NotJson { line: error.line() })?;
    let mut listed = Vec::new();
    members_for(&document, algorithm, file, &mut listed);
    let digests = listed.iter().map(|value| Digest::from_hex(value.as_str()?).ok());
    let digests: Option<Vec<Digest>> = digests.collect();
    match digests.as_deref() {
        Some([]) => Err(Error::NotListed { algorithm }),
        Some([first, others @ ..])
            if first.algorithm() == algorithm && others.iter().all(|other| other == first) =>
        {
            Ok(first.clone())
        }
        _ => Err(Error::NotOne { algorithm }),
    }
}

/// What the objects say that have the file's name. JSON is not nested deeper than its reader takes.
fn members_for<'a>(value: &'a Value, algorithm: Algorithm, file: &str, listed: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => {
            values.iter().for_each(|value| members_for(value, algorithm, file, listed));
        }
        Value::Object(members) => {
            let names_it = |value: &Value| value.as_str().is_some_and(|text| base_name(text) == file);
            if members.values().any(names_it) {
                listed.extend(members.get(algorithm.name()));
            }
            members.values().for_each(|value| members_for(value, algorithm, file, listed));
        }
        _ => {}
    }
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
