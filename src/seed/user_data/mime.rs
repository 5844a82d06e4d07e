//! User-data of several parts, as cloud-init's user_data.py reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::seed::Error;

/// Columns of a line of base64 (RFC 2045, 6.8).
const LINE_CHARS: usize = 76;

/// The beginnings by which cloud-init tells parts apart (INCLUSION_TYPES_MAP of its handlers), longer ones
/// before those that they begin with.
const TYPES: [(&[u8], &str); 10] = [
    (b"#cloud-config-archive", "text/cloud-config-archive"),
    (b"#cloud-config-jsonp", "text/cloud-config-jsonp"),
    (b"#cloud-config", "text/cloud-config"),
    (b"#cloud-boothook", "text/cloud-boothook"),
    (b"#include-once", "text/x-include-once-url"),
    (b"#include", "text/x-include-url"),
    (b"#part-handler", "text/part-handler"),
    (b"## template: jinja", "text/jinja2"),
    (b"#!", "text/x-shellscript"),
    // Unpacked by cloud-init, which then looks at the content.
    (b"\x1f\x8b", "application/gzip"),
];

/// One part of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::seed) enum Part<'a> {
    /// Bytes of a type.
    Content { content_type: &'static str, file_name: &'static str, bytes: &'a [u8] },
    /// A MIME message of its own, with its headers; it becomes a part as it is.
    Message(&'a [u8]),
}

/// A user's own file as a part.
///
/// # Errors
/// [`Error::UserData`] when cloud-init would pass it over.
pub(in crate::seed) fn users_part(bytes: &[u8]) -> Result<Part<'_>, Error> {
    let refuse = |reason| Err(Error::UserData { reason });
    if bytes.trim_ascii().is_empty() {
        return refuse("it is empty");
    }
    let is_gzip = bytes.starts_with(b"\x1f\x8b");
    if !is_gzip && std::str::from_utf8(bytes).is_err() {
        return refuse("it is not UTF-8 text");
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return refuse("it begins with a byte order mark, which hides its first line from cloud-init");
    }
    if is_message(bytes) {
        return Ok(Part::Message(bytes));
    }
    match TYPES.iter().find(|(start, _)| bytes.starts_with(start)) {
        Some((_, content_type)) => Ok(Part::Content { content_type, file_name: "user-data", bytes }),
        None => refuse(
            "its first line has to be `#cloud-config`, `#!INTERPRETER`, `## template: jinja` or another \
             that cloud-init knows",
        ),
    }
}

/// The whole of `parts`.
pub(in crate::seed) fn multipart(parts: &[Part<'_>]) -> Vec<u8> {
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

/// As cloud-init does it, but at the beginning only: a message begins with its headers.
fn is_message(bytes: &[u8]) -> bool {
    let starts = |name: &[u8]| bytes.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let headers = &bytes[..bytes.len().min(4096)].to_ascii_lowercase();
    let has_version = headers.windows(b"mime-version:".len()).any(|window| window == b"mime-version:");
    has_version && (starts(b"content-type:") || starts(b"mime-version:"))
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
fn boundary(parts: &[Part<'_>]) -> String {
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
        assert!(matches!(
            users_part(b"\x1f\x8b\x08\xff"),
            Ok(Part::Content { content_type: "application/gzip", .. })
        ));
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
            b"\n#cloud-config\n",
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
        assert_eq!(part, Part::Message(message));
        let whole = multipart(&[part]);
        assert!(whole.windows(message.len()).any(|window| window == message));
        assert!(String::from_utf8_lossy(&whole).contains("boundary=\"==vmtools-part-1==\""));
    }

    #[test]
    fn content_is_base64_in_short_lines() {
        let part = Part::Content { content_type: "text/cloud-config", file_name: "x", bytes: &[b'a'; 100] };
        let text = String::from_utf8(multipart(&[part])).expect("text");
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        assert!(text.contains("YWFh"));
    }
}
