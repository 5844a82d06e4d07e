//! MIME messages, read as Python's email.feedparser does it, by which cloud-init reads them.

use super::fault::{UserDataFault, UserDataWarning};

/// Deeper nesting than anybody writes.
const MAX_DEPTH: usize = 16;

/// A part that holds no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Its type, in small letters.
    pub(super) content_type: String,
    /// Whether a header says how a cloud-config is merged.
    pub(super) merges: bool,
    /// Its content, decoded.
    pub(super) content: Vec<u8>,
}

/// All parts of a message, in order.
///
/// # Errors
/// When it is a multipart message without parts, which cloud-init passes over as a whole.
pub(super) fn leaves(message: &[u8]) -> Result<(Vec<Leaf>, Vec<UserDataWarning>), UserDataFault> {
    let mut reader = Reader::default();
    let lines = lines(message);
    reader.read(&lines, 0, 0)?;
    Ok((reader.leaves, reader.warnings))
}

/// As cloud-init does it, but by the headers alone: they come first, and MIME-Version is among them.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let lines = lines(bytes);
    let (headers, _) = headers(&lines);
    headers.iter().any(|(name, _)| name == "mime-version")
}

#[derive(Default)]
struct Reader {
    leaves: Vec<Leaf>,
    warnings: Vec<UserDataWarning>,
}

impl Reader {
    /// Reads a message of these lines, the first of which is line `at` of the whole, from 0.
    fn read(&mut self, lines: &[&[u8]], at: usize, depth: usize) -> Result<(), UserDataFault> {
        let (headers, body_at) = headers(lines);
        let header =
            |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let (content_type, boundary) = content_type(header("content-type").unwrap_or_default());
        let body = &lines[body_at..];
        if !content_type.starts_with("multipart/") || depth > MAX_DEPTH {
            let encoding = header("content-transfer-encoding").unwrap_or_default();
            let merges = header("merge-type").or(header("x-merge-type")).is_some();
            self.leaves.push(Leaf { content_type, merges, content: decode(&body.concat(), encoding) });
            return Ok(());
        }
        let Some(boundary) = boundary else { return Err(UserDataFault::NoBoundary) };
        let separators: Vec<(usize, bool)> = body
            .iter()
            .enumerate()
            .filter_map(|(number, line)| separator(line, &boundary).map(|is_end| (number, is_end)))
            .collect();
        if !separators.iter().any(|(_, is_end)| !is_end) {
            return Err(UserDataFault::NoParts { boundary });
        }
        self.look_for_broken(body, at + body_at, &boundary);
        for (index, (begin, is_end)) in separators.iter().enumerate() {
            if *is_end {
                self.look_behind(&body[begin + 1..], at + body_at + begin + 1);
                break;
            }
            let end = separators.get(index + 1).map_or(body.len(), |(next, _)| *next);
            self.read(&body[begin + 1..end], at + body_at + begin + 1, depth + 1)?;
        }
        Ok(())
    }

    fn look_for_broken(&mut self, body: &[&[u8]], at: usize, boundary: &str) {
        let is_broken = |line: &&[u8]| {
            let line = line.trim_ascii();
            line == boundary.as_bytes() || line.strip_prefix(b"-") == Some(boundary.as_bytes())
        };
        if let Some(number) = body.iter().position(is_broken) {
            self.warnings.push(UserDataWarning::BrokenBoundary { line: at + number + 1 });
        }
    }

    fn look_behind(&mut self, rest: &[&[u8]], at: usize) {
        if let Some(number) = rest.iter().position(|line| !line.trim_ascii().is_empty()) {
            self.warnings.push(UserDataWarning::TextBehindParts { line: at + number + 1 });
        }
    }
}

/// Each with its end.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The headers, their names in small letters, and the line with which the body begins. A line that is no header
/// begins the body, too.
fn headers(lines: &[&[u8]]) -> (Vec<(String, String)>, usize) {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return (headers, number + 1);
        }
        match text.split_once(':') {
            _ if text.starts_with([' ', '\t']) => {
                if let Some((_, value)) = headers.last_mut() {
                    value.push(' ');
                    value.push_str(text.trim());
                }
            }
            _ if number == 0 && text.starts_with("From ") => {}
            Some((name, value)) if name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            _ => return (headers, number),
        }
    }
    (headers, lines.len())
}

/// The type in small letters, and its boundary.
fn content_type(value: &str) -> (String, Option<String>) {
    let mut parameters = value.split(';');
    let kind = parameters.next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = if kind.split('/').filter(|half| !half.is_empty()).count() == 2 {
        kind
    } else {
        "text/plain".to_owned()
    };
    let boundary = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|rest| rest.split('"').next()).unwrap_or(value);
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty())
            .then(|| value.trim_end().to_owned())
    });
    (kind, boundary)
}

/// Whether the line separates parts, and then whether it ends them: `--BOUNDARY`, `--BOUNDARY--`, and blanks.
fn separator(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    let (rest, is_end) = rest.strip_prefix(b"--").map_or((rest, false), |rest| (rest, true));
    rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).then_some(is_end)
}

fn decode(body: &[u8], encoding: &str) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => {
            let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            // What can't be decoded is taken as it is.
            STANDARD.decode(&text).unwrap_or_else(|_| body.to_vec())
        }
        "quoted-printable" => quoted_printable(body),
        _ => body.to_vec(),
    }
}

/// RFC 2045, 6.7.
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'=' {
            out.push(*byte);
        } else if let Some(after) = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")) {
            rest = after;
        } else if let Some(value) =
            after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
        {
            out.push(value);
            rest = &after[2..];
        } else {
            out.push(b'=');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(message: &str) -> Vec<String> {
        let (leaves, _) = leaves(message.as_bytes()).expect("parts");
        leaves.into_iter().map(|leaf| leaf.content_type).collect()
    }

    fn fault(message: &str) -> UserDataFault {
        leaves(message.as_bytes()).expect_err("refused")
    }

    const HEAD: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==B==\"\n\n";

    #[test]
    fn parts_nested_and_encoded() {
        let message = format!(
            "{HEAD}This is a message in MIME format.\n--==B== \nContent-Type: text/cloud-config; charset=us-ascii\n\n\
             a: 1\n--==B==\r\nContent-Type: multipart/mixed;\n\tboundary=inner\n\n--inner\nContent-Type: TEXT/X-Shellscript\n\
             Content-Transfer-Encoding: base64\n\nIyEvYmlu\nL3No\n--inner--\n--==B==\n\nno headers\n--==B==\n\
             Content-Transfer-Encoding: quoted-printable\nContent-Type: text/jinja2\n\na=3D1=\n2\n"
        );
        assert!(is_message(message.as_bytes()));
        let (leaves, warnings) = leaves(message.as_bytes()).expect("parts");
        let seen: Vec<(&str, &str)> = leaves
            .iter()
            .map(|leaf| (leaf.content_type.as_str(), std::str::from_utf8(&leaf.content).expect("text")))
            .collect();
        assert_eq!(
            seen,
            [
                ("text/cloud-config", "a: 1\n"),
                ("text/x-shellscript", "#!/bin/sh"),
                ("text/plain", "no headers\n"),
                ("text/jinja2", "a=12\n"),
            ]
        );
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_single_part_and_odd_headers() {
        assert_eq!(
            types("From x\nContent-Type: text/x-shellscript\nMIME-Version: 1.0\n\n#!/bin/sh\n"),
            ["text/x-shellscript"]
        );
        assert_eq!(types("MIME-Version: 1.0\nContent-Type: nonsense\n\nx"), ["text/plain"]);
        // A line that is no header ends the headers.
        assert!(!is_message(b"#cloud-config\n# MIME-Version: 1.0\n"));
        assert!(!is_message(b"\nMIME-Version: 1.0\n"));
    }

    #[test]
    fn each_broken_shape() {
        let parts = "==B==\nContent-Type: text/cloud-config\n\ntimezone: Europe/Rome\n==B==\n";
        assert_eq!(fault(&format!("{HEAD}{parts}")), UserDataFault::NoParts { boundary: "==B==".into() });
        assert_eq!(fault(&format!("{HEAD}--==B==--\n")), UserDataFault::NoParts { boundary: "==B==".into() });
        assert_eq!(
            fault("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--x\n\na\n"),
            UserDataFault::NoBoundary
        );
        let one = format!(
            "{HEAD}--==B==\nContent-Type: text/cloud-config\n\na: 1\n==B==\nb: 2\n-==B==\n--==B==--\n\nlost\n"
        );
        let (leaves, warnings) = leaves(one.as_bytes()).expect("parts");
        assert_eq!(leaves.len(), 1);
        assert_eq!(
            warnings,
            [UserDataWarning::BrokenBoundary { line: 8 }, UserDataWarning::TextBehindParts { line: 13 }]
        );
    }
}
