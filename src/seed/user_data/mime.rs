//! User-data of several parts, as cloud-init's user_data.py reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fault::UserDataFault;
use super::message;
use super::parts::{self, Kind};
use crate::seed::Error;

/// Columns of a line of base64 (RFC 2045, 6.8).
const LINE_CHARS: usize = 76;

/// One part of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::seed) enum Part {
    /// Bytes of a type.
    Content { content_type: &'static str, file_name: &'static str, bytes: Vec<u8> },
    /// A MIME message of its own, with its headers; it becomes a part as it is.
    Message(Vec<u8>),
}

/// A user's own file as a part.
///
/// # Errors
/// [`Error::UserData`] when cloud-init would pass it over.
pub(in crate::seed) fn users_part(bytes: &[u8]) -> Result<Part, Error> {
    let unpacked = check_bytes(bytes)?;
    if message::is_message(&unpacked) {
        return Ok(Part::Message(unpacked));
    }
    let kind = Kind::of_beginning(&unpacked).ok_or(Error::UserData(UserDataFault::UnknownKind))?;
    // Packed it may fit where unpacked it would not.
    let (content_type, bytes) = match bytes.starts_with(parts::GZIP) {
        true => ("application/gzip", bytes.to_vec()),
        false => (kind.content_type(), unpacked),
    };
    Ok(Part::Content { content_type, file_name: "user-data", bytes })
}

/// The bytes of a user's own file, unpacked: a message within a gzip file would not be distinguished from other text
/// once it is a part.
///
/// # Errors
/// [`Error::UserData`] when cloud-init would not even tell what it is.
pub(super) fn check_bytes(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let bytes = parts::unpack(bytes).map_err(Error::UserData)?;
    let refuse = |fault| Err(Error::UserData(fault));
    if bytes.trim_ascii().is_empty() {
        return refuse(UserDataFault::Empty);
    }
    if std::str::from_utf8(&bytes).is_err() {
        return refuse(UserDataFault::NotText);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return refuse(UserDataFault::ByteOrderMark);
    }
    let begins_late = bytes.first().is_some_and(u8::is_ascii_whitespace);
    if begins_late && Kind::of_beginning(&bytes).is_some_and(Kind::begins_at_once) {
        return refuse(UserDataFault::BlanksBefore);
    }
    Ok(bytes)
}

/// The whole of `parts`.
pub(in crate::seed) fn multipart(parts: &[Part]) -> Vec<u8> {
    let boundary = boundary(parts);
    let mut out =
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n").into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\n").as_bytes());
        match part {
            Part::Message(bytes) => out.extend_from_slice(bytes),
            Part::Content { content_type, file_name, bytes } => {
                let head = format!(
                    "Content-Type: {content_type}\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\
                     Content-Disposition: attachment; filename=\"{file_name}\"\n\n"
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(&base64_lines(bytes));
            }
        }
        out.push(b'\n');
    }
    out.extend_from_slice(format!("--{boundary}--\n").as_bytes());
    out
}

/// Base64, so that no byte of it depends on how a mail parser reads it.
fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(bytes);
    let mut lines = Vec::with_capacity(text.len() + text.len() / LINE_CHARS + 1);
    for line in text.as_bytes().chunks(LINE_CHARS) {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines
}

/// A separator that stands in none of the parts.
fn boundary(parts: &[Part]) -> String {
    let stands_in = |boundary: &str| {
        parts.iter().any(|part| match part {
            Part::Message(bytes) => bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes()),
            Part::Content { .. } => false,
        })
    };
    let mut boundary = "==vmtools-part==".to_owned();
    let mut number = 0u32;
    while stands_in(&boundary) {
        number += 1;
        boundary = format!("==vmtools-part-{number}==");
    }
    boundary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_the_type() {
        for (text, expected) in [
            ("#cloud-config\nusers: []\n", "text/cloud-config"),
            ("#cloud-config-archive\n- x", "text/cloud-config-archive"),
            ("#!/bin/sh\necho hi\n", "text/x-shellscript"),
            ("## template: jinja\n#cloud-config\n", "text/jinja2"),
            ("#include https://example.org/x\n", "text/x-include-url"),
            ("#include-once\nhttps://example.org/x\n", "text/x-include-once-url"),
            ("#cloud-boothook\necho\n", "text/cloud-boothook"),
        ] {
            let part = users_part(text.as_bytes()).expect("known");
            assert!(matches!(part, Part::Content { content_type, .. } if content_type == expected), "{text}");
        }
    }

    #[test]
    fn each_shape_that_cloud_init_would_pass_over() {
        for bytes in [
            &b""[..],
            b" \n",
            b"users: []\n",
            b"#cloud-confg\n",
            b"#cloud-config\n\xff",
            b"\xef\xbb\xbf#cloud-config\n",
            b"\n#!/bin/sh\n",
            b"\x1f\x8b\x08\xff",
            b"{\"users\": []}",
        ] {
            assert!(
                matches!(users_part(bytes), Err(Error::UserData { .. })),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn a_message_is_kept_whole_and_the_boundary_stands_nowhere_else() {
        let message = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==vmtools-part==\"\n\n\
                        --==vmtools-part==\nContent-Type: text/cloud-config\n\n#cloud-config\n\
                        --==vmtools-part==--\n";
        let part = users_part(message).expect("a message");
        assert_eq!(part, Part::Message(message.to_vec()));
        let whole = multipart(&[part]);
        assert!(whole.windows(message.len()).any(|window| window == message));
        assert!(String::from_utf8_lossy(&whole).contains("boundary=\"==vmtools-part-1==\""));
    }

    #[test]
    fn content_is_base64_in_short_lines() {
        let part =
            Part::Content { content_type: "text/cloud-config", file_name: "x", bytes: vec![b'a'; 100] };
        let text = String::from_utf8(multipart(&[part])).expect("text");
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        assert!(text.contains("YWFh"));
    }
}
